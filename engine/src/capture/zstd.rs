//! Zstandard (RFC 8878), a block at a time: the library would unpack all the blocks that it is given, which a small
//! hostile file can make gigabytes.

mod lengths;
mod tables;

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::gzip::Step;
use super::octets::Order::Little;
use lengths::Lengths;

/// How a frame begins.
pub(super) const MAGIC: u32 = 0xfd2f_b528;

/// What a frame may ask to be kept of what went before: what `zstd -d` takes without `--long`.
const MAX_WINDOW: u64 = 128 << 20;
/// Section 3.1.1.2.4.
const MAX_BLOCK: usize = 128 << 10;

enum Place {
    Between,
    /// In a frame to be passed over.
    Skip(usize),
    /// In a frame, which ends with a check value or does not.
    Frame {
        check: bool,
    },
    /// After its last block.
    Drain {
        check: bool,
    },
}

/// Takes frames apart, one after another.
pub(super) struct Zstd {
    place: Place,
    decoder: FrameDecoder,
    lengths: Lengths,
}

/// Whether a frame begins so, or one that is to be passed over.
pub(super) fn begins(octets: &[u8]) -> bool {
    Little
        .u32(octets, 0)
        .is_some_and(|magic| magic == MAGIC || skippable(magic))
}

fn skippable(magic: u32) -> bool {
    magic & !0xf == 0x184d_2a50
}

impl Zstd {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Between,
            decoder: FrameDecoder::new(),
            lengths: Lengths::default(),
        }
    }

    /// Whether the octets may end here.
    pub(super) fn complete(&self) -> bool {
        matches!(self.place, Place::Between)
    }

    /// Goes on with `input`, which begins where the last step stopped. Of a block all octets have to be there.
    pub(super) fn unpack(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        let mut used = 0;
        loop {
            if !self.complete() && self.decoder.can_collect() > 0 {
                let made = self.decoder.read(room).map_err(|error| error.to_string())?;
                return Ok(Step { used, made });
            }
            let rest = input.get(used..).unwrap_or_default();
            let more = match self.place {
                Place::Between => self.begin(rest)?,
                Place::Skip(left) => {
                    let skipped = left.min(rest.len());
                    self.place = if skipped == left {
                        Place::Between
                    } else {
                        Place::Skip(left - skipped)
                    };
                    skipped
                }
                Place::Frame { check } => self.block(rest, check)?,
                Place::Drain { check } => {
                    self.end(check)?;
                    continue;
                }
            };
            used += more;
            if more == 0 {
                return Ok(Step { used, made: 0 });
            }
        }
    }

    fn begin(&mut self, input: &[u8]) -> Result<usize, String> {
        let Some(magic) = Little.u32(input, 0) else {
            return Ok(0);
        };
        if skippable(magic) {
            let Some(length) = Little.u32(input, 4) else {
                return Ok(0);
            };
            if length > 0 {
                self.place = Place::Skip(length as usize);
            }
            return Ok(8);
        }
        if magic != MAGIC {
            return Err(format!(
                "a zstd frame begins with 28 b5 2f fd, not {}",
                hexadecimal(input)
            ));
        }
        let Some(&descriptor) = input.get(4) else {
            return Ok(0);
        };
        let single = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content = match (descriptor >> 6, single) {
            (0, false) => 0,
            (size, _) => 1usize << size,
        };
        let length = 5 + usize::from(!single) + dictionary + content;
        let Some(header) = input.get(..length) else {
            return Ok(0);
        };
        let (fields, content) = header.split_at(length - content);
        let window = if single {
            size(content)
        } else {
            let window = fields.get(5).copied().map_or(0, u64::from);
            let base = 1u64 << (10 + (window >> 3));
            base + base / 8 * (window & 7)
        };
        if window > MAX_WINDOW {
            return Err(format!(
                "a zstd frame wants a window of {window} octets, more than {MAX_WINDOW}; pack it again without --long"
            ));
        }
        self.decoder = FrameDecoder::new();
        self.lengths = Lengths::default();
        self.decoder
            .init(header)
            .map_err(|error| error.to_string())?;
        self.place = Place::Frame {
            check: descriptor & 4 != 0,
        };
        Ok(length)
    }

    fn block(&mut self, input: &[u8], check: bool) -> Result<usize, String> {
        let Some(&[low, middle, high]) = input.first_chunk() else {
            return Ok(0);
        };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let (last, kind) = (header & 1 != 0, header >> 1 & 3);
        let size = (header >> 3) as usize;
        if size > MAX_BLOCK {
            return Err(format!(
                "a zstd block of {size} octets, more than {MAX_BLOCK}"
            ));
        }
        let content = if kind == 1 { 1 } else { size };
        let length = 3 + content + if last && check { 4 } else { 0 };
        let Some(mut block) = input.get(..length) else {
            return Ok(0);
        };
        if kind == 2 {
            let packed = block.get(3..3 + content).unwrap_or_default();
            match self.lengths.of(packed, MAX_BLOCK as u64) {
                Some(length) if length <= MAX_BLOCK as u64 => {}
                Some(_) => {
                    return Err(format!(
                        "a zstd block comes to more than {MAX_BLOCK} octets"
                    ));
                }
                None => return Err("a zstd block contradicts itself".into()),
            }
        }
        let decoder = &mut self.decoder;
        // The library has assertions that hostile octets reach; the decoder is not asked again after one.
        catch_unwind(AssertUnwindSafe(|| {
            decoder.decode_blocks(&mut block, BlockDecodingStrategy::UptoBlocks(1))
        }))
        .map_err(|_| "a zstd block contradicts itself".to_string())?
        .map_err(|error| error.to_string())?;
        if last {
            self.place = Place::Drain { check };
        }
        Ok(length)
    }

    fn end(&mut self, check: bool) -> Result<(), String> {
        let (found, made) = (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        );
        if check && made.is_some() && found != made {
            return Err("the check value of a zstd frame does not fit what is in it".into());
        }
        self.place = Place::Between;
        Ok(())
    }
}

/// The content's size, section 3.1.1.1.4.
fn size(octets: &[u8]) -> u64 {
    let number = octets
        .iter()
        .rev()
        .fold(0, |sum, &octet| sum << 8 | u64::from(octet));
    number + if octets.len() == 2 { 256 } else { 0 }
}

/// The first octets as people write them.
pub(super) fn hexadecimal(octets: &[u8]) -> String {
    let shown: Vec<_> = octets
        .iter()
        .take(4)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    shown.join(" ")
}
