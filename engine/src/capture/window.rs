//! A fixed window over the octets of a capture, in which records are read where they lie.

use super::stream::{Got, Stream};
use super::{CaptureError, Trouble};

/// Octets that may be asked for in one piece: the largest record has to fit.
pub(super) const MAX_NEED: usize = 512 << 10;

/// Octets that are read at once: what the second-level cache holds, so that they are still there when they are parsed.
const READ: usize = 128 << 10;

/// Whether what was asked for is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Have {
    Yes,
    /// It may come later.
    NotYet,
    /// It will not come: so many octets are left.
    End(usize),
}

pub(super) struct Window {
    stream: Stream,
    octets: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl Window {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            octets: vec![0; MAX_NEED + READ],
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What is there.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// A part of the record that was passed over last; it stays until more is asked for.
    pub(super) fn passed(&self, start: usize, length: usize) -> &[u8] {
        self.octets
            .get(start..)
            .and_then(|rest| rest.get(..length))
            .unwrap_or_default()
    }

    /// Where in the window `octets` begins, as `passed` counts.
    pub(super) fn place(&self) -> usize {
        self.start
    }

    /// Sees to it that `count` octets are there, at most `MAX_NEED`.
    #[inline]
    pub(super) fn need(&mut self, count: usize) -> Result<Have, CaptureError> {
        if self.end - self.start >= count {
            return Ok(Have::Yes);
        }
        self.fill(count)
    }

    /// Apart from `need`, since unpackers take so much of the stack that touching its pages would cost each packet more
    /// than to read it does.
    #[inline(never)]
    fn fill(&mut self, count: usize) -> Result<Have, CaptureError> {
        while self.end - self.start < count {
            // What is left of the last record moves to the front.
            self.octets.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let room = self.octets.get_mut(self.end..).unwrap_or_default();
            let room = room
                .split_at_mut_checked(READ)
                .map_or(&mut [][..], |(room, _)| room);
            match self.stream.read(room)? {
                Got::Octets(read) => self.end += read,
                Got::NothingYet => return Ok(Have::NotYet),
                Got::End => return Ok(Have::End(self.end - self.start)),
            }
        }
        Ok(Have::Yes)
    }

    /// Goes on behind `count` octets that are there.
    pub(super) fn pass(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// The error of a record that begins here and needs more than is there.
    pub(super) fn truncated(&self, what: &str, needed: u64, left: usize) -> CaptureError {
        CaptureError::new(
            Trouble::Truncated,
            format!(
                "{}: ends inside the {what} at octet {}: {left} of {needed} octets are there; everything before it was \
                 read",
                self.stream.name(),
                self.offset
            ),
        )
    }

    /// The error of a record that begins here and contradicts itself.
    pub(super) fn damaged(&self, what: &str) -> CaptureError {
        CaptureError::new(
            Trouble::Damaged,
            format!(
                "{}: damaged at octet {}: {what}; everything before it was read",
                self.stream.name(),
                self.offset
            ),
        )
    }
}
