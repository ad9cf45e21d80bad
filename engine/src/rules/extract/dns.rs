//! DNS (RFC 1035) with multicast DNS (RFC 6762) and LLMNR (RFC 4795), and names of NetBIOS (RFC 1002).

use super::Sides;
use super::fields::{Fields, word};
use super::reader::Reader;

const MAX_LABELS: usize = 40;
const RESPONSE: u16 = 0x8000;

const TYPES: &[(u32, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (41, "OPT"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

const CODES: &[(u32, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
];

/// `name`, `type`, `response_code`, `answers`.
pub fn dns(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let message = if sides.stream {
            side.get(2..).unwrap_or_default()
        } else {
            side
        };
        let _ = message_fields(message, false, fields);
    }
}

/// The same for the name service of NetBIOS, whose names are written as letters A to P.
pub fn netbios(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let _ = message_fields(side, true, fields);
    }
}

fn message_fields(message: &[u8], netbios: bool, fields: &mut Fields) -> Option<()> {
    let mut reader = Reader::new(message);
    reader.u16()?; // identifier
    let flags = reader.u16()?;
    let questions = reader.u16()?;
    let answers = reader.u16()?;
    reader.u32()?; // authority and additional records
    if flags & RESPONSE != 0 {
        fields.value("response_code", word(CODES, (flags & 15).into()));
        fields.value("answers", answers);
    }
    if questions > 0 || answers > 0 {
        let mut name = name(message, &mut reader)?;
        let kind = reader.u16()?;
        if netbios {
            name = netbios_name(&name)?;
        }
        if name.is_empty() {
            name.push(b'.');
        }
        fields.octets("name", &name);
        fields.value("type", word(TYPES, kind.into()));
    }
    Some(())
}

/// A name in text; a pointer goes back, and the number of labels is bounded, so that it ends.
fn name<'a>(message: &'a [u8], reader: &mut Reader<'a>) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut jumped: Option<Reader<'a>> = None;
    for _ in 0..MAX_LABELS {
        let here = jumped.as_mut().unwrap_or(reader);
        let count = here.u8()?;
        match count {
            0 => return Some(text),
            1..=63 => {
                let label = here.take(count.into())?;
                if !text.is_empty() {
                    text.push(b'.');
                }
                text.extend_from_slice(label);
            }
            0xc0.. => {
                let at = usize::from(count & 0x3f) << 8 | usize::from(here.u8()?);
                jumped = Some(Reader::new(message.get(at..)?));
            }
            _ => return None,
        }
    }
    None
}

/// RFC 1001 section 14.1: each half octet is a letter from A on; the sixteenth octet is the service.
fn netbios_name(encoded: &[u8]) -> Option<Vec<u8>> {
    let half = |octet: u8| octet.checked_sub(b'A').filter(|half| *half < 16);
    let mut name = Vec::with_capacity(16);
    for pair in encoded.get(..30)?.chunks_exact(2) {
        let (high, low) = (half(*pair.first()?)?, half(*pair.last()?)?);
        name.push(high << 4 | low);
    }
    while matches!(name.last(), Some(b' ' | 0)) {
        name.pop();
    }
    Some(name)
}
