//! Initial packets of QUIC in clear. Their keys follow from the connection identifier (RFC 9001 section 5.2), so anyone on
//! the path can read them. The tag is not checked: a packet may be cut off, and what does not decrypt has no hello in it.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// RFC 9000.
pub const VERSION_1: u32 = 1;
/// RFC 9369.
pub const VERSION_2: u32 = 0x6b33_43cf;

#[rustfmt::skip]
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
];
#[rustfmt::skip]
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
];
#[rustfmt::skip]
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99,
];
#[rustfmt::skip]
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02,
];

/// An Initial packet: what comes before its packet number, and the rest.
pub struct Initial<'a> {
    /// From the first octet on.
    pub before: &'a [u8],
    /// Packet number, payload and tag.
    pub protected: &'a [u8],
}

/// The keys of one side.
pub struct Keys {
    /// AES-128.
    pub key: [u8; 16],
    /// What the nonce is made of.
    pub iv: [u8; 12],
    /// Of header protection.
    pub header: [u8; 16],
}

/// Keys of Initial packets from the client's first destination connection identifier; None for versions whose salt is
/// not known.
pub fn initial_keys(version: u32, identifier: &[u8], client: bool) -> Option<Keys> {
    let salt = match version {
        VERSION_1 => SALT_1,
        VERSION_2 => SALT_2,
        0xff00_001d..=0xff00_0020 => SALT_DRAFT_29,
        // 0xfaceb002 is what Facebook's servers called draft 27.
        0xff00_0017..=0xff00_001c | 0xface_b002 => SALT_DRAFT_23,
        _ => return None,
    };
    let prefix = if version == VERSION_2 {
        "quicv2 "
    } else {
        "quic "
    };
    let side: &str = if client { "client in" } else { "server in" };
    let mut secret = [0; 32];
    expand(&Hkdf::new(Some(&salt), identifier), side, &mut secret)?;
    let secret = Hkdf::from_prk(&secret).ok()?;
    let mut keys = Keys {
        key: [0; 16],
        iv: [0; 12],
        header: [0; 16],
    };
    expand(&secret, &format!("{prefix}key"), &mut keys.key)?;
    expand(&secret, &format!("{prefix}iv"), &mut keys.iv)?;
    expand(&secret, &format!("{prefix}hp"), &mut keys.header)?;
    Some(keys)
}

/// HKDF-Expand-Label of RFC 8446 section 7.1, with an empty context.
fn expand(secret: &Hkdf<Sha256>, label: &str, out: &mut [u8]) -> Option<()> {
    let mut info = Vec::with_capacity(32);
    info.extend(u16::try_from(out.len()).ok()?.to_be_bytes());
    info.push(u8::try_from(label.len().checked_add(6)?).ok()?);
    info.extend(b"tls13 ");
    info.extend(label.as_bytes());
    info.push(0);
    secret.expand(&info, out).ok()
}

/// Takes header protection and AES-CTR off (RFC 9001 section 5.4, RFC 5116); the tag stays at the end.
pub fn decrypt(keys: &Keys, packet: &Initial<'_>) -> Option<Vec<u8>> {
    let sample: [u8; 16] = packet.protected.get(4..20)?.try_into().ok()?;
    let mut mask = Array::from(sample);
    Aes128::new(&Array::from(keys.header)).encrypt_block(&mut mask);
    let first = packet.before.first()? ^ (mask.first()? & 0x0f);
    let length = usize::from(first & 3).checked_add(1)?;
    let (number, body) = packet.protected.split_at_checked(length)?;
    let mut counter = [0_u8; 16];
    counter.get_mut(..12)?.copy_from_slice(&keys.iv);
    for (n, (octet, mask)) in number.iter().zip(mask.iter().skip(1)).enumerate() {
        let at = 12_usize.checked_sub(length)?.checked_add(n)?;
        *counter.get_mut(at)? ^= octet ^ mask;
    }
    let cipher = Aes128::new(&Array::from(keys.key));
    let mut clear = body.to_vec();
    for (n, block) in clear.chunks_mut(16).enumerate() {
        // GCM counts from 1, which is the tag's; the payload begins at 2.
        let count = u32::try_from(n).ok()?.checked_add(2)?;
        counter.get_mut(12..)?.copy_from_slice(&count.to_be_bytes());
        let mut stream = Array::from(counter);
        cipher.encrypt_block(&mut stream);
        for (octet, key) in block.iter_mut().zip(stream.iter()) {
            *octet ^= key;
        }
    }
    Some(clear)
}
