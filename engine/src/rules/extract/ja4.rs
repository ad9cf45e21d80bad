//! JA4, the fingerprint of a TLS client (FoxIO, "JA4: TLS Client Fingerprinting", technical details).

use sha2::{Digest, Sha256};

use super::reader::Reader;
use crate::rules::hex::push_hex;

/// A client hello.
#[derive(Clone, Debug, Default)]
pub struct Hello<'a> {
    /// `legacy_version`.
    pub legacy_version: u16,
    /// Cipher suites, two octets each.
    pub ciphers: &'a [u8],
    /// Numbers of the extensions in their order.
    pub extensions: Vec<u16>,
    /// Whether the extension server_name is there.
    pub has_name: bool,
    /// Its host name.
    pub server_name: Option<&'a [u8]>,
    /// ALPN: names with a length before each.
    pub protocols: Option<&'a [u8]>,
    /// supported_versions, two octets each.
    pub versions: Option<&'a [u8]>,
    /// signature_algorithms, two octets each.
    pub signatures: Option<&'a [u8]>,
    /// Whether encrypted_client_hello is there.
    pub encrypted: bool,
    /// Nothing of it was cut off.
    pub complete: bool,
}

impl<'a> Hello<'a> {
    /// Names of ALPN.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.protocols.unwrap_or_default());
        std::iter::from_fn(move || reader.short())
    }

    /// The newest version that the client offers.
    pub fn version(&self) -> u16 {
        let datagrams = self.legacy_version >> 8 == 0xfe;
        let offered = numbers(self.versions.unwrap_or_default()).filter(|v| !is_grease(*v));
        // Numbers of DTLS count down.
        let newest = if datagrams {
            offered.min()
        } else {
            offered.max()
        };
        newest.unwrap_or(self.legacy_version)
    }
}

/// The fingerprint; `transport` is `t` for TCP, `q` for QUIC, `d` for DTLS.
pub fn fingerprint(transport: u8, hello: &Hello<'_>) -> String {
    let version = match hello.version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    };
    let name = if hello.has_name { 'd' } else { 'i' };
    let mut ciphers: Vec<u16> = numbers(hello.ciphers).filter(|c| !is_grease(*c)).collect();
    let mut extensions: Vec<u16> = hello
        .extensions
        .iter()
        .copied()
        .filter(|e| !is_grease(*e))
        .collect();
    let (cipher_count, extension_count) = (ciphers.len().min(99), extensions.len().min(99));
    let (first, last) = ends(hello.protocols().next().unwrap_or_default());

    ciphers.sort_unstable();
    extensions.retain(|extension| *extension != 0 && *extension != 16);
    extensions.sort_unstable();
    let mut extension_text = list(&extensions);
    let signatures: Vec<u16> = numbers(hello.signatures.unwrap_or_default())
        .filter(|s| !is_grease(*s))
        .collect();
    if !signatures.is_empty() {
        extension_text.push('_');
        extension_text.push_str(&list(&signatures));
    }
    let cipher_hash = hash(&list(&ciphers));
    let extension_hash = if extensions.is_empty() {
        hash("")
    } else {
        hash(&extension_text)
    };
    format!(
        "{}{version}{name}{cipher_count:02}{extension_count:02}{first}{last}_{cipher_hash}_{extension_hash}",
        char::from(transport)
    )
}

/// First and last letter of the first ALPN name; of its hexadecimal form where one of them is not a letter or digit.
fn ends(name: &[u8]) -> (char, char) {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return ('0', '0');
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return (first.into(), last.into());
    }
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    (digit(first >> 4), digit(last & 15))
}

/// RFC 8701: both octets are alike and end in a.
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn numbers(octets: &[u8]) -> impl Iterator<Item = u16> + use<'_> {
    octets
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
}

fn list(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(numbers.len().saturating_mul(5));
    for (n, number) in numbers.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        push_hex(&mut text, &number.to_be_bytes());
    }
    text
}

/// The first twelve digits of SHA-256; zeros for nothing.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut short = String::with_capacity(12);
    push_hex(&mut short, digest.get(..6).unwrap_or_default());
    short
}
