//! LLDP (IEEE 802.1AB): who is at the other end of a cable.

use super::Sides;
use super::fields::{Fields, colons};
use super::reader::Reader;

const CHASSIS: u16 = 1;
const PORT: u16 = 2;
const SYSTEM_NAME: u16 = 5;
const SYSTEM_DESCRIPTION: u16 = 6;
const ORGANIZATION: u16 = 127;
const MAX_PARTS: usize = 64;

/// `chassis`, `port`, `system_name`, `system_description`; of DCBX `pfc`, the priorities that have flow control (`none`
/// without one), and `pfc_willing`, whether it would take the other end's.
pub fn lldp(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let mut reader = Reader::new(side);
        for _ in 0..MAX_PARTS {
            let Some(head) = reader.u16() else {
                break;
            };
            let Some(body) = reader.take((head & 0x1ff).into()) else {
                break;
            };
            match head >> 9 {
                0 => break,
                CHASSIS => identifier("chassis", body, 4, 5, fields),
                PORT => identifier("port", body, 3, 4, fields),
                SYSTEM_NAME => fields.octets("system_name", body),
                SYSTEM_DESCRIPTION => fields.octets("system_description", body),
                ORGANIZATION => flow_control(body, fields),
                _ => {}
            }
        }
    }
}

/// Priority-based flow control, as IEEE 802.1Q annex D has it, and as the consortium had it before (DCBX 1.01).
fn flow_control(body: &[u8], fields: &mut Fields) {
    match body {
        [0x00, 0x80, 0xc2, 0x0b, own, priorities, ..] => {
            fields.value("pfc", numbers(*priorities));
            fields.value("pfc_willing", own >> 7);
        }
        [0x00, 0x1b, 0x21, 0x02, features @ ..] => {
            let mut reader = Reader::new(features);
            while let Some(head) = reader.u16() {
                let feature = reader.take_at_most((head & 0x1ff).into());
                // Both versions; enabled, willing and error; a subtype.
                if let (3, [_, _, own, _, priorities, ..]) = (head >> 9, feature) {
                    fields.value("pfc", numbers(*priorities));
                    fields.value("pfc_willing", own >> 6 & 1);
                }
            }
        }
        _ => {}
    }
}

/// The bits that are set.
fn numbers(bits: u8) -> String {
    let set = (0..8).filter(|place| bits >> place & 1 == 1);
    let texts: Vec<_> = set.map(|place| place.to_string()).collect();
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(" ")
}

/// Chassis and ports number the kinds of their identifiers differently.
fn identifier(name: &'static str, body: &[u8], mac: u8, network: u8, fields: &mut Fields) {
    let Some((kind, value)) = body.split_first() else {
        return;
    };
    match value {
        _ if *kind == mac => fields.value(name, colons(value)),
        // The family is IANA's: 1 is IPv4.
        [1, a, b, c, d] if *kind == network => fields.value(name, format!("{a}.{b}.{c}.{d}")),
        [_, address @ ..] if *kind == network => fields.value(name, colons(address)),
        _ => fields.octets(name, value),
    }
}
