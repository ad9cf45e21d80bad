//! Gzip (RFC 1952), a slice at a time, so that it can wait in the middle of a growing file.

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use super::octets::Order::Little;

/// How a member begins.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

const HEADER_CHECK: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// What became of a slice: octets of it that are done with, and octets that came out. Both 0: more is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) used: usize,
    pub(super) made: usize,
}

enum Place {
    /// Before a member.
    Between,
    /// In its header, with the flags of what is still to come.
    Fields(u8),
    /// So many octets of the header mean nothing here.
    Skip(u8, usize),
    Body,
    Trailer,
}

/// Takes members apart, one after another.
pub(super) struct Gzip {
    place: Place,
    members: u64,
    inflate: Decompress,
    check: Hasher,
    size: u32,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Between,
            members: 0,
            inflate: Decompress::new(false),
            check: Hasher::new(),
            size: 0,
        }
    }

    /// Whether the octets may end here.
    pub(super) fn complete(&self) -> bool {
        matches!(self.place, Place::Between)
    }

    /// Goes on with `input`, which begins where the last step stopped.
    pub(super) fn unpack(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            let more = match self.place {
                Place::Between => self.begin(rest)?,
                Place::Fields(flags) => self.field(rest, flags),
                Place::Skip(..) => self.skip(rest),
                Place::Body => {
                    let step = self.body(rest, room)?;
                    used += step.used;
                    if step.made > 0 || matches!(self.place, Place::Body) {
                        return Ok(Step { used, ..step });
                    }
                    continue;
                }
                Place::Trailer => self.end(rest)?,
            };
            let moved = more > 0 || matches!(self.place, Place::Body);
            used += more;
            if !moved {
                return Ok(Step { used, made: 0 });
            }
        }
    }

    fn begin(&mut self, input: &[u8]) -> Result<usize, String> {
        if self.members > 0 && input.first() == Some(&0) {
            // Padding to the block of a tape.
            return Ok(input.iter().take_while(|&&octet| octet == 0).count());
        }
        let Some(&[first, second, method, flags, ..]) = input.first_chunk::<10>() else {
            return Ok(0);
        };
        if [first, second] != MAGIC || method != 8 {
            return Err(format!(
                "a gzip member begins with 1f 8b 08, not {first:02x} {second:02x} {method:02x}"
            ));
        }
        self.place = Place::Fields(flags);
        Ok(10)
    }

    /// Moves over one field of the header, or to the body.
    fn field(&mut self, input: &[u8], flags: u8) -> usize {
        let without = |flag: u8| flags & !flag;
        if flags & EXTRA != 0 {
            let Some(length) = Little.u16(input, 0) else {
                return 0;
            };
            self.place = Place::Skip(without(EXTRA), usize::from(length));
            return 2;
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                let Some(end) = memchr::memchr(0, input) else {
                    return input.len();
                };
                self.place = Place::Fields(without(text));
                return end + 1;
            }
        }
        if flags & HEADER_CHECK != 0 {
            self.place = Place::Skip(without(HEADER_CHECK), 2);
            return self.skip(input);
        }
        self.inflate.reset(false);
        self.check.reset();
        self.size = 0;
        self.place = Place::Body;
        0
    }

    /// Skips what is there of a field.
    fn skip(&mut self, input: &[u8]) -> usize {
        let Place::Skip(flags, left) = self.place else {
            return 0;
        };
        let skipped = left.min(input.len());
        self.place = if skipped == left {
            Place::Fields(flags)
        } else {
            Place::Skip(flags, left - skipped)
        };
        skipped
    }

    fn body(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, room, FlushDecompress::None)
            .map_err(|error| error.to_string())?;
        let used = (self.inflate.total_in() - before_in) as usize;
        let made = (self.inflate.total_out() - before_out) as usize;
        self.check.update(room.get(..made).unwrap_or_default());
        self.size = self.size.wrapping_add(made as u32);
        if status == Status::StreamEnd {
            self.place = Place::Trailer;
        }
        Ok(Step { used, made })
    }

    fn end(&mut self, input: &[u8]) -> Result<usize, String> {
        let (Some(check), Some(size)) = (Little.u32(input, 0), Little.u32(input, 4)) else {
            return Ok(0);
        };
        if (check, size) != (self.check.clone().finalize(), self.size) {
            return Err("the check value of a gzip member does not fit what is in it".into());
        }
        self.members += 1;
        self.place = Place::Between;
        Ok(8)
    }
}
