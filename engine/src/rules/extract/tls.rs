//! TLS (RFC 8446, RFC 5246) and DTLS (RFC 6347, RFC 9147): both hellos.

use super::Sides;
use super::fields::{Fields, word};
use super::ja4::{self, Hello};
use super::reader::Reader;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
/// draft-ietf-tls-esni.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// RFC 8489 section 5.
const STUN_COOKIE: u32 = 0x2112_a442;
/// What OpenSSL wrote before DTLS was a standard.
const OPENSSL_DTLS: u16 = 0x0100;

const VERSIONS: &[(u32, &str)] = &[
    (0x0002, "SSLv2"),
    (0x0300, "SSLv3"),
    (0x0301, "TLSv1.0"),
    (0x0302, "TLSv1.1"),
    (0x0303, "TLSv1.2"),
    (0x0304, "TLSv1.3"),
    (0x0100, "DTLSv1.0"),
    (0xfeff, "DTLSv1.0"),
    (0xfefd, "DTLSv1.2"),
    (0xfefc, "DTLSv1.3"),
];

/// `version`, `cipher`, `sni`, `alpn`, `offered_alpn`, `ja4`, `ech`.
pub fn tls(sides: &Sides<'_>, fields: &mut Fields) {
    let client = handshake(sides.client);
    let server = handshake(sides.server);
    hellos(b't', &client, &server, fields);
}

/// The same of DTLS.
pub fn dtls(sides: &Sides<'_>, fields: &mut Fields) {
    let client = datagram_handshake(sides.client);
    let server = datagram_handshake(sides.server);
    hellos(b'd', &client, &server, fields);
}

/// Reads hellos out of handshake messages; `transport` is JA4's letter.
pub fn hellos(transport: u8, client: &[u8], server: &[u8], fields: &mut Fields) {
    let mut offered = None;
    if let Some(hello) = client_hello(client) {
        if hello.encrypted {
            fields.value("ech", "offered");
        }
        fields.maybe("sni", hello.server_name);
        if hello.complete {
            fields.value("ja4", ja4::fingerprint(transport, &hello));
        }
        let names: Vec<&[u8]> = hello.protocols().collect();
        fields.octets("offered_alpn", &names.join(&b','));
        offered = Some(hello.version());
    }
    match server_hello(server) {
        Some(hello) => {
            fields.value("version", word(VERSIONS, hello.version.into()));
            fields.value("cipher", format!("0x{:04x}", hello.cipher));
            fields.maybe("alpn", hello.protocol);
        }
        // What the client would have liked best, when nothing was seen of the server.
        None => {
            if let Some(version) = offered {
                fields.value("offered_version", word(VERSIONS, version.into()));
            }
        }
    }
}

/// Handshake messages of a stream, without the borders of records; of the records before the first of another type.
fn handshake(stream: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    let mut reader = Reader::new(stream);
    while reader.u8() == Some(HANDSHAKE) {
        let (Some(0x0300..=0x0304), Some(count)) = (reader.u16(), reader.u16()) else {
            break;
        };
        messages.extend_from_slice(reader.take_at_most(count.into()));
    }
    messages
}

/// The last first-flight handshake message of DTLS with its long header made into TLS's short one. The hello after a
/// HelloRetryRequest says more, so a later one replaces the first; fragments are put together in order.
fn datagram_handshake(datagrams: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut reader = Reader::new(datagrams);
    while let Some(fragment) = datagram_record(&mut reader) {
        let mut inner = Reader::new(fragment);
        let header = (
            inner.u8(),
            inner.u24(),
            inner.u16(),
            inner.u24(),
            inner.u24(),
        );
        let (Some(kind), Some(whole), Some(_), Some(offset), Some(count)) = header else {
            break;
        };
        if !matches!(kind, CLIENT_HELLO | SERVER_HELLO) {
            continue;
        }
        if offset == 0 {
            message.clear();
            message.push(kind);
            message.extend(whole.to_be_bytes().iter().skip(1));
        } else if message.len() != 4_usize.saturating_add(offset as usize) {
            continue;
        }
        message.extend_from_slice(inner.take_at_most(count as usize));
    }
    message
}

/// The next record of handshakes; STUN before it and between (RFC 7983) is passed over.
fn datagram_record<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    loop {
        let kind = reader.u8()?;
        if kind <= 3 {
            reader.u8()?;
            let count = reader.u16()?;
            (reader.u32()? == STUN_COOKIE).then_some(())?;
            reader.skip(12)?; // transaction
            reader.skip(count.into())?;
            continue;
        }
        reader.skip(10)?; // version, epoch and sequence number
        let count = reader.u16()?;
        let body = reader.take_at_most(count.into());
        if kind == HANDSHAKE {
            return Some(body);
        }
        if !(20..=26).contains(&kind) {
            return None;
        }
    }
}

/// Reads a client hello; what is missing at its end is left empty, and `complete` false.
pub fn client_hello(message: &[u8]) -> Option<Hello<'_>> {
    let mut reader = Reader::new(message);
    if reader.u8()? != CLIENT_HELLO {
        return None;
    }
    let count = reader.u24()? as usize;
    let whole = reader.rest().len() >= count;
    let mut reader = Reader::new(reader.take_at_most(count));
    let mut hello = Hello {
        legacy_version: reader.u16()?,
        ..Hello::default()
    };
    reader.skip(32)?; // random
    reader.short()?; // session
    if matches!(hello.legacy_version, 0xfe00.. | OPENSSL_DTLS) {
        reader.short()?; // cookie of DTLS
    }
    hello.ciphers = reader.long()?;
    reader.short()?; // compression
    hello.complete = whole;
    let Some(count) = reader.u16() else {
        return Some(hello);
    };
    let mut extensions = Reader::new(reader.take_at_most(count.into()));
    while let Some(kind) = extensions.u16() {
        let Some(body) = extensions.long() else {
            hello.complete = false;
            break;
        };
        hello.extensions.push(kind);
        let mut body = Reader::new(body);
        match kind {
            SERVER_NAME => {
                hello.has_name = true;
                hello.server_name = host_name(&mut body);
            }
            ALPN => hello.protocols = body.long(),
            SUPPORTED_VERSIONS => hello.versions = body.short(),
            SIGNATURE_ALGORITHMS => hello.signatures = body.long(),
            ENCRYPTED_CLIENT_HELLO => hello.encrypted = true,
            _ => {}
        }
    }
    Some(hello)
}

fn host_name<'a>(body: &mut Reader<'a>) -> Option<&'a [u8]> {
    body.u16()?; // length of the list
    (body.u8()? == 0).then_some(())?; // host_name
    body.long()
}

struct ServerHello<'a> {
    version: u16,
    cipher: u16,
    protocol: Option<&'a [u8]>,
}

fn server_hello(message: &[u8]) -> Option<ServerHello<'_>> {
    let mut reader = Reader::new(message);
    if reader.u8()? != SERVER_HELLO {
        return None;
    }
    let count = reader.u24()? as usize;
    let mut reader = Reader::new(reader.take_at_most(count));
    let version = reader.u16()?;
    reader.skip(32)?;
    reader.short()?;
    let cipher = reader.u16()?;
    let mut hello = ServerHello {
        version,
        cipher,
        protocol: None,
    };
    reader.u8(); // compression
    let count = reader.u16().unwrap_or(0);
    let mut extensions = Reader::new(reader.take_at_most(count.into()));
    while let (Some(kind), Some(body)) = (extensions.u16(), extensions.long()) {
        let mut body = Reader::new(body);
        match kind {
            SUPPORTED_VERSIONS => hello.version = body.u16().unwrap_or(version),
            ALPN => hello.protocol = body.long().and_then(|names| Reader::new(names).short()),
            _ => {}
        }
    }
    Some(hello)
}
