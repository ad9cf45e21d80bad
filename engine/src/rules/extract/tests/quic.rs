//! QUIC, whose first packets are encrypted.

use super::super::initial::{Initial, Keys, decrypt, initial_keys};
use super::{client_hello, fields, get, hex, short};

#[test]
fn initial_keys_are_those_of_the_specification() {
    // RFC 9001 appendix A.1; RFC 9369 appendix A.1.
    let identifier = hex("8394c8f03e515708");
    let keys = initial_keys(1, &identifier, true).unwrap();
    assert_eq!(keys.key.to_vec(), hex("1f369613dd76d5467730efcbe3b1a22d"));
    assert_eq!(keys.iv.to_vec(), hex("fa044b2f42a3fd3b46fb255c"));
    assert_eq!(
        keys.header.to_vec(),
        hex("9f50449e04a0e810283a1e9933adedd2")
    );
    let keys = initial_keys(0x6b33_43cf, &identifier, true).unwrap();
    assert_eq!(keys.key.to_vec(), hex("8b1a0bc121284290a29e0971b5cd045d"));
}

/// A client's Initial with `frames`: as the cipher is a stream, taking it off puts it on.
pub(super) fn initial(identifier: &[u8], frames: &[u8]) -> Vec<u8> {
    let keys = initial_keys(1, identifier, true).unwrap();
    let count = u16::try_from(frames.len() + 4 + 16).unwrap() | 0x4000;
    let mut before = [
        &[0xc3, 0, 0, 0, 1],
        short(identifier).as_slice(),
        &[0, 0],
        &count.to_be_bytes(),
    ]
    .concat();
    let number = [0, 0, 0, 2];
    // Header protection depends on the encrypted payload, so that the mask is found with a number that is in clear.
    let encrypted = encrypt(&keys, number, &[frames, &[0; 16]].concat());
    let mask = header_mask(&keys, &encrypted[..16]);
    before[0] ^= mask[0] & 0x0f;
    let hidden: Vec<u8> = number
        .iter()
        .zip(&mask[1..])
        .map(|(octet, mask)| octet ^ mask)
        .collect();
    [before, hidden, encrypted].concat()
}

fn block(key: [u8; 16], input: [u8; 16]) -> [u8; 16] {
    use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
    let mut block = Array::from(input);
    aes::Aes128::new(&Array::from(key)).encrypt_block(&mut block);
    block.into()
}

fn header_mask(keys: &Keys, sample: &[u8]) -> [u8; 16] {
    block(keys.header, sample.try_into().unwrap())
}

fn encrypt(keys: &Keys, number: [u8; 4], clear: &[u8]) -> Vec<u8> {
    let mut nonce = keys.iv;
    for (octet, number) in nonce[8..].iter_mut().zip(number) {
        *octet ^= number;
    }
    let blocks = clear.chunks(16).zip(2_u32..);
    let encrypted = blocks.map(|(chunk, count)| {
        let counter = [nonce.as_slice(), &count.to_be_bytes()].concat();
        let stream = block(keys.key, counter.try_into().unwrap());
        chunk
            .iter()
            .zip(stream)
            .map(|(octet, key)| octet ^ key)
            .collect::<Vec<u8>>()
    });
    encrypted.collect::<Vec<_>>().concat()
}

#[test]
fn quic_shows_the_hello_in_frames_out_of_order() {
    let identifier = hex("8394c8f03e515708");
    let hello = client_hello();
    let (first, second) = hello.split_at(100);
    let rest = (u16::try_from(second.len()).unwrap() | 0x4000).to_be_bytes();
    let frames = [
        &[1, 0, 0, 6, 0x40, 100],
        rest.as_slice(),
        second,
        &[6, 0, 0x40, 100],
        first,
        &[0; 400],
    ];
    let packet = initial(&identifier, &frames.concat());
    let found = fields("quic", &packet, b"", false);
    assert_eq!(get(&found, "quic_version"), "1");
    assert_eq!(get(&found, "connection_id_length"), "8");
    assert_eq!(get(&found, "sni"), "rail0.example.org");
    assert_eq!(get(&found, "ja4"), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    let keys = initial_keys(1, &identifier, true).unwrap();
    assert!(
        decrypt(
            &keys,
            &Initial {
                before: &[],
                protected: &packet
            }
        )
        .is_none()
    );
}
