//! DHCP (RFC 2131, options of RFC 2132).

use super::Sides;
use super::fields::{Fields, word};
use super::reader::Reader;

const COOKIE: u32 = 0x6382_5363;
const MAX_OPTIONS: usize = 64;

const MESSAGES: &[(u32, &str)] = &[
    (1, "DISCOVER"),
    (2, "OFFER"),
    (3, "REQUEST"),
    (4, "DECLINE"),
    (5, "ACK"),
    (6, "NAK"),
    (7, "RELEASE"),
    (8, "INFORM"),
];

/// `message`, `host_name`, `vendor_class` of the first message that has them.
pub fn dhcp(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let _ = options(side, fields);
    }
}

fn options(message: &[u8], fields: &mut Fields) -> Option<()> {
    let mut reader = Reader::new(message);
    reader.skip(236)?;
    (reader.u32()? == COOKIE).then_some(())?;
    for _ in 0..MAX_OPTIONS {
        let code = match reader.u8()? {
            0 => continue,
            255 => break,
            code => code,
        };
        let value = reader.short()?;
        match (code, value) {
            (53, [kind]) => fields.value("message", word(MESSAGES, (*kind).into())),
            (12, _) => fields.octets("host_name", value),
            (60, _) => fields.octets("vendor_class", value),
            _ => {}
        }
    }
    Some(())
}
