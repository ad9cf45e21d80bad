//! BGP (RFC 4271): who opens a session.

use super::Sides;
use super::fields::Fields;
use super::reader::Reader;

const OPEN: u8 = 1;
const CAPABILITIES: u8 = 2;
/// RFC 6793.
const FOUR_OCTET_AS: u8 = 65;

/// `as`, `router_id` of the client's OPEN, `peer_as`, `peer_router_id` of the other one; `hold_time` in s.
pub fn bgp(sides: &Sides<'_>, fields: &mut Fields) {
    let _ = open(sides.client, "as", "router_id", fields);
    let _ = open(sides.server, "peer_as", "peer_router_id", fields);
}

fn open(
    side: &[u8],
    system: &'static str,
    router: &'static str,
    fields: &mut Fields,
) -> Option<()> {
    let mut reader = Reader::new(side);
    reader
        .take(16)?
        .iter()
        .all(|octet| *octet == 0xff)
        .then_some(())?;
    reader.u16()?; // length
    (reader.u8()? == OPEN && reader.u8()? == 4).then_some(())?;
    let short = reader.u16()?;
    let hold = reader.u16()?;
    let identifier = reader.take(4)?;
    let parameters = reader.short().unwrap_or_default();
    fields.value(
        system,
        four_octets(parameters).unwrap_or_else(|| short.into()),
    );
    fields.value("hold_time", hold);
    let parts: Vec<String> = identifier.iter().map(u8::to_string).collect();
    fields.value(router, parts.join("."));
    Some(())
}

/// The number in the capability for numbers of four octets.
fn four_octets(parameters: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(parameters);
    loop {
        let (kind, body) = (reader.u8()?, reader.short()?);
        if kind != CAPABILITIES {
            continue;
        }
        let mut capabilities = Reader::new(body);
        while let (Some(code), Some(value)) = (capabilities.u8(), capabilities.short()) {
            if code == FOUR_OCTET_AS {
                return Reader::new(value).u32();
            }
        }
    }
}
