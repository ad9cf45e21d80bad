//! Whatever the octets are.

use super::super::{KNOWN, Sides, extract};
use super::quic::initial;
use super::{client_hello, hex, record, server_hello};

/// Octets that look right at their beginning go deepest; a quarter of them is changed at random.
#[test]
fn any_octets_give_bounded_text() {
    let identifier = hex("8394c8f03e515708");
    let hello = client_hello();
    let crypto = [&[6, 0, 0x41, 0x00], hello.as_slice(), &[0; 300]].concat();
    let preface = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x20\x01\x04\x00\x00\x00\x01".as_slice(),
        &hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"),
    ]
    .concat();
    let seeds: Vec<Vec<u8>> = vec![
        record(&hello),
        record(&server_hello()),
        initial(&identifier, &crypto),
        preface,
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        hex("1a2b 8183 0001 0001 0000 0000 0361626300 001c 0001 c00c"),
        hex("0207 04 001122334455 0405 0000"),
        b"*1\r\n$4\r\nPING\r\n".to_vec(),
        hex("00000020 00030000 7573657200"),
        vec![0xff; 64],
        hex("80000028 00000001 00000000 00000002 000186a3 00000003 00000006"),
        Vec::new(),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..4000_usize {
        let mut octets = [
            seeds[round % seeds.len()].as_slice(),
            &seeds[(round / 12) % seeds.len()],
        ]
        .concat();
        for _ in 0..random() % 8 {
            if let Some(count) = std::num::NonZeroU64::new(octets.len() as u64) {
                let at = usize::try_from(random() % count).unwrap();
                octets[at] = random().to_be_bytes()[0];
            }
        }
        octets.truncate(usize::try_from(random() % 1024).unwrap());
        let other = &seeds[usize::try_from(random() % 12).unwrap()];
        for name in KNOWN {
            let sides = Sides {
                client: &octets,
                server: other,
                stream: round % 2 == 0,
            };
            let swapped = Sides {
                client: other,
                server: &octets,
                ..sides
            };
            for (_, value) in [extract(name, &sides), extract(name, &swapped)].concat() {
                assert!(!value.is_empty() && value.len() <= 255);
                assert!(value.bytes().all(|octet| (32..127).contains(&octet)));
            }
        }
    }
}
