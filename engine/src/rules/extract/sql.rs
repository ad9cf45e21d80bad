//! Databases: PostgreSQL (Frontend/Backend Protocol, message formats), MySQL (Protocol::HandshakeV10).

use super::Sides;
use super::fields::Fields;
use super::reader::Reader;

const PROTOCOL_3: u32 = 3;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const MAX_PARAMETERS: usize = 16;

/// `user`, `database`, `application`; `tls` (`accepted`, `refused`) where the client asked for it; `server_version`.
pub fn postgresql(sides: &Sides<'_>, fields: &mut Fields) {
    let mut server = Reader::new(sides.server);
    let mut client = Reader::new(sides.client);
    for _ in 0..3 {
        let Some((code, body)) = startup(&mut client) else {
            break;
        };
        match code {
            SSL_REQUEST | GSS_REQUEST => match server.u8() {
                Some(b'S' | b'G') => return fields.value("tls", "accepted"),
                Some(_) => fields.value("tls", "refused"),
                None => return,
            },
            _ if code >> 16 == PROTOCOL_3 => {
                parameters(body, fields);
                break;
            }
            _ => return,
        }
    }
    let _ = server_version(&mut server, fields);
}

fn startup<'a>(reader: &mut Reader<'a>) -> Option<(u32, &'a [u8])> {
    let count = reader.u32()?;
    let code = reader.u32()?;
    Some((code, reader.take_at_most((count as usize).checked_sub(8)?)))
}

fn parameters(body: &[u8], fields: &mut Fields) {
    let mut reader = Reader::new(body);
    for _ in 0..MAX_PARAMETERS {
        let (Some(key), Some(value)) = (reader.until(0), reader.until(0)) else {
            return;
        };
        match key {
            b"user" => fields.octets("user", value),
            b"database" => fields.octets("database", value),
            b"application_name" => fields.octets("application", value),
            _ => {}
        }
    }
}

fn server_version(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    for _ in 0..32 {
        let kind = reader.u8()?;
        let count = (reader.u32()? as usize).checked_sub(4)?;
        let mut body = Reader::new(reader.take(count)?);
        if kind == b'S' && body.until(0)? == b"server_version" {
            fields.octets("server_version", body.until(0)?);
            return Some(());
        }
    }
    None
}

/// `server_version`; `user` of a client that goes on without TLS.
pub fn mysql(sides: &Sides<'_>, fields: &mut Fields) {
    let mut greeting = Reader::new(sides.server);
    if greeting.skip(4).is_some() && greeting.u8() == Some(10) {
        fields.maybe("server_version", greeting.until(0));
    }
    let mut answer = Reader::new(sides.client);
    let mut user = || {
        let size = answer.u24()?;
        answer.u8()?;
        let capabilities = answer.u32le()?;
        // Protocol 4.1 without the SSL request, which has 32 octets and no more.
        (capabilities & 0x0200 != 0 && size > 32).then_some(())?;
        answer.skip(28)?; // packet size, character set, filler
        answer.until(0)
    };
    fields.maybe("user", user());
}
