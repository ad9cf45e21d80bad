//! HPACK (RFC 7541): header fields of HTTP/2, as far as a bounded memory of both reaches.

use super::huffman;
use super::reader::Reader;

/// Octets of one name or value that are kept.
const MAX_STRING: usize = 512;
/// Fields that are remembered of a connection.
const MAX_ENTRIES: usize = 64;
/// Fields of one block that are read.
const MAX_FIELDS: usize = 64;

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// A header field.
pub type Field = (Vec<u8>, Vec<u8>);

/// What one side's header blocks refer to.
#[derive(Default)]
pub struct Decoder {
    /// The newest first.
    dynamic: std::collections::VecDeque<Field>,
}

impl Decoder {
    /// Fields of a block, up to where it was cut off or cannot be read.
    pub fn block(&mut self, octets: &[u8]) -> Vec<Field> {
        let mut reader = Reader::new(octets);
        let mut fields = Vec::new();
        while fields.len() < MAX_FIELDS {
            let Some(read) = self.field(&mut reader) else {
                break;
            };
            fields.extend(read);
        }
        fields
    }

    /// None at the end; Some(None) for a change of the table's size, which says nothing.
    fn field(&mut self, reader: &mut Reader<'_>) -> Option<Option<Field>> {
        let first = reader.u8()?;
        let (bits, remember) = match first {
            0x80.. => {
                let at = integer(reader, first, 7)?;
                return Some(Some(self.at(at)?));
            }
            0x40.. => (6, true),
            0x20.. => {
                integer(reader, first, 5)?;
                return Some(None);
            }
            _ => (4, false),
        };
        let name = match integer(reader, first, bits)? {
            0 => string(reader)?,
            at => self.at(at)?.0,
        };
        let value = string(reader)?;
        if remember {
            self.dynamic.truncate(MAX_ENTRIES - 1);
            self.dynamic.push_front((name.clone(), value.clone()));
        }
        Some(Some((name, value)))
    }

    fn at(&self, index: usize) -> Option<Field> {
        let index = index.checked_sub(1)?;
        match index.checked_sub(STATIC.len()) {
            None => STATIC
                .get(index)
                .map(|(name, value)| (name.to_vec(), value.to_vec())),
            Some(index) => self.dynamic.get(index).cloned(),
        }
    }
}

/// RFC 7541 section 5.1, with a prefix of `bits` in `first`.
fn integer(reader: &mut Reader<'_>, first: u8, bits: u32) -> Option<usize> {
    let most = (1_u8 << bits) - 1;
    let mut value = usize::from(first & most);
    if value < usize::from(most) {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let octet = reader.u8()?;
        value = value.checked_add(usize::from(octet & 0x7f) << shift)?;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Section 5.2.
fn string(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let first = reader.u8()?;
    let count = integer(reader, first, 7)?;
    let octets = reader.take(count)?;
    if first & 0x80 != 0 {
        huffman::decode(octets, MAX_STRING)
    } else {
        Some(octets.get(..MAX_STRING).unwrap_or(octets).to_vec())
    }
}
