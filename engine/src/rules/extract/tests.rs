//! Octets are built from the specifications; the fingerprints and keys are those that the specifications give.

use super::{Sides, extract};

mod hostile;
mod plain;
mod quic;

fn fields(name: &str, client: &[u8], server: &[u8], stream: bool) -> Vec<(&'static str, String)> {
    extract(
        name,
        &Sides {
            client,
            server,
            stream,
        },
    )
}

fn get(fields: &[(&'static str, String)], name: &str) -> String {
    let found = fields.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn long(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}

fn short(octets: &[u8]) -> Vec<u8> {
    [&[u8::try_from(octets.len()).unwrap()], octets].concat()
}

fn u16s(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let count = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &count[1..], body].concat()
}

fn record(body: &[u8]) -> Vec<u8> {
    [&[22, 3, 1], long(body).as_slice()].concat()
}

/// The hello whose fingerprint FoxIO's description of JA4 works out: t13d1516h2_8daaf6152771_e5627efa2ab1.
fn client_hello() -> Vec<u8> {
    let ciphers = [
        0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
        0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ];
    let signatures = [
        0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
    ];
    let name = long(&[&[0], long(b"rail0.example.org").as_slice()].concat());
    let alpn = long(&[short(b"h2"), short(b"http/1.1")].concat());
    let mut extensions = Vec::new();
    for kind in [
        0x1a1a_u16, 0x0000, 0x0010, 0x002b, 0x000d, 0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005,
        0x0023, 0x0012, 0x000b, 0xff01, 0x000a, 0x0015,
    ] {
        let body = match kind {
            0 => name.clone(),
            16 => alpn.clone(),
            43 => short(&u16s(&[0x7a7a, 0x0304, 0x0303])),
            13 => long(&u16s(&signatures)),
            _ => Vec::new(),
        };
        extensions.extend([u16s(&[kind]), long(&body)].concat());
    }
    let random = [7; 32];
    let parts = [
        &[3, 3],
        random.as_slice(),
        &[0],
        &long(&u16s(&ciphers)),
        &[1, 0],
        &long(&extensions),
    ];
    handshake(1, &parts.concat())
}

fn server_hello() -> Vec<u8> {
    let extensions = [u16s(&[43]), long(&u16s(&[0x0304]))].concat();
    handshake(
        2,
        &[
            &[3, 3],
            [9; 32].as_slice(),
            &[0, 0x13, 1, 0],
            &long(&extensions),
        ]
        .concat(),
    )
}

#[test]
fn tls_tells_what_both_sides_said() {
    let found = fields(
        "tls",
        &record(&client_hello()),
        &record(&server_hello()),
        true,
    );
    assert_eq!(get(&found, "sni"), "rail0.example.org");
    assert_eq!(get(&found, "ja4"), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_eq!(get(&found, "offered_alpn"), "h2,http/1.1");
    assert_eq!(get(&found, "version"), "TLSv1.3");
    assert_eq!(get(&found, "cipher"), "0x1301");
}

#[test]
fn a_hello_that_was_cut_off_has_no_fingerprint() {
    let whole = record(&client_hello());
    let found = fields("tls", &whole[..whole.len() - 3], b"", true);
    assert_eq!(get(&found, "sni"), "rail0.example.org");
    assert_eq!(get(&found, "ja4"), "");
    assert_eq!(get(&found, "offered_version"), "TLSv1.3");
}

#[test]
fn a_hello_in_several_records_is_one() {
    let hello = client_hello();
    let (first, second) = hello.split_at(60);
    let found = fields("tls", &[record(first), record(second)].concat(), b"", true);
    assert_eq!(get(&found, "ja4"), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

#[test]
fn dtls_is_found_after_stun() {
    let body = [
        &[0xfe, 0xfd],
        [7; 32].as_slice(),
        &[0, 0],
        &long(&u16s(&[0xc02b, 0x00ff])),
        &[1, 0],
    ]
    .concat();
    let count = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1], &count[1..], &[0, 0, 0, 0, 0], &count[1..], &body].concat();
    let hello = [
        &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        long(&message).as_slice(),
    ]
    .concat();
    let stun = hex("0001 0000 2112a442 112233445566778899aabbcc");
    let found = fields("dtls", &[stun, hello].concat(), b"", false);
    assert_eq!(get(&found, "offered_version"), "DTLSv1.2");
    assert!(get(&found, "ja4").starts_with("dd2i020000_"));
}
