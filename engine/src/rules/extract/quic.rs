//! QUIC long headers (RFC 8999, RFC 9000, RFC 9369), and the hellos inside Initial packets.

use super::Sides;
use super::fields::Fields;
use super::initial::{Initial, VERSION_1, VERSION_2, decrypt, initial_keys};
use super::reader::Reader;
use super::tls::hellos;

/// Octets of the CRYPTO stream that are put together.
const MAX_HANDSHAKE: usize = 4096;
const MAX_FRAMES: usize = 256;
const MAX_PACKETS: usize = 8;

/// `quic_version`, `connection_id_length`, and what `tls` reads.
pub fn quic(sides: &Sides<'_>, fields: &mut Fields) {
    let mut identifier = None;
    for side in sides.each() {
        if let Some(header) = Header::read(&mut Reader::new(side)) {
            if header.version != 0 {
                fields.value("quic_version", version_name(header.version));
            }
            if identifier.is_none() {
                fields.value("connection_id_length", header.destination.len());
                identifier = Some(header.destination);
            }
        }
    }
    let Some(identifier) = identifier else {
        return;
    };
    let client = handshake(sides.client, identifier, true);
    let server = handshake(sides.server, identifier, false);
    hellos(b'q', &client, &server, fields);
}

fn version_name(version: u32) -> String {
    match version {
        VERSION_1 => "1".to_owned(),
        VERSION_2 => "2".to_owned(),
        0xff00_0000..=0xff00_00ff => format!("draft-{}", version & 0xff),
        // Google's, before the IETF's: "Q046".
        _ if version >> 24 == u32::from(b'Q') => {
            String::from_utf8_lossy(&version.to_be_bytes()).into_owned()
        }
        _ => format!("0x{version:08x}"),
    }
}

struct Header<'a> {
    first: u8,
    version: u32,
    destination: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let first = reader.u8()?;
        (first & 0x80 != 0).then_some(())?;
        let version = reader.u32()?;
        let destination = reader.short()?;
        reader.short()?;
        Some(Self {
            first,
            version,
            destination,
        })
    }
}

/// The CRYPTO stream of one side's Initial packets, as far as it is there from its beginning.
fn handshake(datagrams: &[u8], identifier: &[u8], client: bool) -> Vec<u8> {
    let mut stream = CryptoStream::default();
    let mut reader = Reader::new(datagrams);
    let mut keys = None;
    for _ in 0..MAX_PACKETS {
        let Some((version, packet)) = next_initial(&mut reader) else {
            break;
        };
        if keys.is_none() {
            keys = initial_keys(version, identifier, client);
        }
        if let (Some(keys), Some(packet)) = (&keys, packet)
            && let Some(frames) = decrypt(keys, &packet)
        {
            stream.read(&frames);
        }
    }
    stream.beginning()
}

/// The next packet with a long header; its second part is None where it is not an Initial. None at the end.
fn next_initial<'a>(reader: &mut Reader<'a>) -> Option<(u32, Option<Initial<'a>>)> {
    let start = loop {
        let rest = reader.rest();
        // Between datagrams that stand one after the other there may be zeros that filled one up.
        match rest.first()? {
            0 => reader.skip(1)?,
            first if first & 0xc0 == 0xc0 => break rest,
            _ => return None,
        }
    };
    let header = Header::read(reader)?;
    let kind = header.first >> 4 & 3;
    let (initial, retry) = if header.version == VERSION_2 {
        (1, 0)
    } else {
        (0, 3)
    };
    if header.version == 0 || kind == retry {
        return None;
    }
    if kind == initial {
        let token = variable(reader)?;
        reader.skip(usize::try_from(token).ok()?)?;
    }
    let count = usize::try_from(variable(reader)?).ok()?;
    let before = start.get(..start.len().checked_sub(reader.rest().len())?)?;
    let protected = reader.take_at_most(count);
    Some((
        header.version,
        (kind == initial).then_some(Initial { before, protected }),
    ))
}

/// A variable-length integer, RFC 9000 section 16.
fn variable(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1_usize << (first >> 6) {
        value = value << 8 | u64::from(reader.u8()?);
    }
    Some(value)
}

/// Pieces of a stream, some of which may be missing.
#[derive(Default)]
struct CryptoStream {
    octets: Vec<u8>,
    /// From and to, in the order in which they came.
    pieces: Vec<(usize, usize)>,
}

impl CryptoStream {
    fn read(&mut self, frames: &[u8]) -> Option<()> {
        let mut reader = Reader::new(frames);
        for _ in 0..MAX_FRAMES {
            let kind = loop {
                match reader.u8()? {
                    0 => {} // PADDING
                    kind => break kind,
                }
            };
            match kind {
                1 => {} // PING
                2 | 3 => {
                    variable(&mut reader)?; // largest acknowledged
                    variable(&mut reader)?; // delay
                    let ranges = variable(&mut reader)?;
                    variable(&mut reader)?;
                    let counts = if kind == 3 { 3 } else { 0 };
                    for _ in 0..ranges.min(64).checked_mul(2)?.checked_add(counts)? {
                        variable(&mut reader)?;
                    }
                }
                6 => {
                    let offset = usize::try_from(variable(&mut reader)?).ok()?;
                    let count = usize::try_from(variable(&mut reader)?).ok()?;
                    self.put(offset, reader.take_at_most(count));
                }
                _ => return None,
            }
        }
        None
    }

    fn put(&mut self, offset: usize, piece: &[u8]) {
        let end = offset.saturating_add(piece.len());
        if end > MAX_HANDSHAKE || self.pieces.len() >= MAX_FRAMES {
            return;
        }
        if self.octets.len() < end {
            self.octets.resize(end, 0);
        }
        if let Some(place) = self.octets.get_mut(offset..end) {
            place.copy_from_slice(piece);
            self.pieces.push((offset, end));
        }
    }

    fn beginning(mut self) -> Vec<u8> {
        self.pieces.sort_unstable();
        let mut reached = 0;
        for (from, to) in self.pieces {
            if from > reached {
                break;
            }
            reached = reached.max(to);
        }
        self.octets.truncate(reached);
        self.octets
    }
}
