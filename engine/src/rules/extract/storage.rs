//! Block storage: iSCSI (RFC 7143), NVMe over TCP (NVMe/TCP Transport Specification 1.0).

use super::Sides;
use super::fields::Fields;
use super::reader::Reader;

const LOGIN_REQUEST: u8 = 0x03;
const MAX_KEYS: usize = 32;

/// `initiator`, `target`, `session_type` of the login.
pub fn iscsi(sides: &Sides<'_>, fields: &mut Fields) {
    let mut login = |reader: &mut Reader<'_>| {
        (reader.u8()? & 0x3f == LOGIN_REQUEST).then_some(())?;
        reader.skip(3)?;
        let additional = reader.u8()?;
        let count = reader.u24()?;
        reader.skip(40)?; // the rest of the basic header segment
        reader.skip(usize::from(additional).checked_mul(4)?)?;
        let mut keys = Reader::new(reader.take_at_most(count as usize));
        for _ in 0..MAX_KEYS {
            let pair = keys.until(0)?;
            let equals = memchr::memchr(b'=', pair)?;
            let (key, value) = pair.split_at(equals);
            let value = value.get(1..)?;
            match key {
                b"InitiatorName" => fields.octets("initiator", value),
                b"TargetName" => fields.octets("target", value),
                b"SessionType" => fields.octets("session_type", value),
                _ => {}
            }
        }
        Some(())
    };
    let _ = login(&mut Reader::new(sides.client));
}

const INITIALIZE: u8 = 0;
const COMMAND: u8 = 4;
const FABRICS: u8 = 0x7f;
const CONNECT: u8 = 1;

/// `host` and `subsystem`: the qualified names (NQN) of the first Connect; `queue`: 0 for the admin queue.
pub fn nvme_tcp(sides: &Sides<'_>, fields: &mut Fields) {
    let mut connect = |reader: &mut Reader<'_>| {
        (pdu(reader)?.0 == INITIALIZE).then_some(())?;
        let (kind, body) = pdu(reader)?;
        let mut body = Reader::new(body);
        (kind == COMMAND && body.u8()? == FABRICS).then_some(())?;
        body.skip(3)?;
        (body.u8()? == CONNECT).then_some(())?;
        body.skip(37)?; // to RECFMT
        body.skip(2)?;
        fields.value("queue", body.u16le()?);
        body.skip(20)?; // to the end of the command; the data follow: host and controller identifier
        body.skip(256)?;
        fields.octets(
            "subsystem",
            body.take(256)?.split(|octet| *octet == 0).next()?,
        );
        fields.octets("host", body.take(256)?.split(|octet| *octet == 0).next()?);
        Some(())
    };
    let _ = connect(&mut Reader::new(sides.client));
}

/// Kind and what follows the common header.
fn pdu<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    reader.skip(3)?;
    let count = reader.u32le()?;
    Some((kind, reader.take_at_most((count as usize).checked_sub(8)?)))
}
