//! HTTP/2 (RFC 9113), and gRPC over it.

use super::Sides;
use super::fields::Fields;
use super::hpack::{Decoder, Field};
use super::reader::Reader;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;
const MAX_FRAMES: usize = 64;

/// `method`, `path`, `host`, `scheme`, `user_agent`, `request_content_type`; `status`, `content_type`, `server`.
pub fn http2(sides: &Sides<'_>, fields: &mut Fields) {
    if let Some(frames) = sides.client.strip_prefix(PREFACE) {
        for (name, value) in headers(frames) {
            let known = match name.as_slice() {
                b":method" => "method",
                b":path" => "path",
                b":authority" | b"host" => "host",
                b":scheme" => "scheme",
                b"user-agent" => "user_agent",
                b"content-type" => "request_content_type",
                _ => continue,
            };
            fields.octets(known, &value);
        }
    }
    for (name, value) in headers(sides.server) {
        let known = match name.as_slice() {
            b":status" => "status",
            b"content-type" => "content_type",
            b"server" => "server",
            _ => continue,
        };
        fields.octets(known, &value);
    }
    // Which it is, where the server's answer was not seen.
    if fields.get("content_type").is_none()
        && let Some(asked) = fields.get("request_content_type").map(str::to_owned)
    {
        fields.value("content_type", asked);
    }
}

/// Header fields in the frames of one side from its beginning on.
fn headers(frames: &[u8]) -> Vec<Field> {
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    let mut reader = Reader::new(frames);
    for _ in 0..MAX_FRAMES {
        let Some((kind, flags, body)) = frame(&mut reader) else {
            break;
        };
        if kind == HEADERS
            && let Some(block) = header_block(flags, body)
        {
            found.extend(decoder.block(block));
        }
    }
    found
}

fn frame<'a>(reader: &mut Reader<'a>) -> Option<(u8, u8, &'a [u8])> {
    let count = reader.u24()?;
    let kind = reader.u8()?;
    let flags = reader.u8()?;
    reader.u32()?; // stream
    (kind <= 16).then(|| (kind, flags, reader.take_at_most(count as usize)))
}

fn header_block(flags: u8, body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(body);
    let padding = if flags & PADDED != 0 { reader.u8()? } else { 0 };
    if flags & PRIORITY != 0 {
        reader.skip(5)?;
    }
    let block = reader.rest();
    block.get(..block.len().checked_sub(padding.into())?)
}
