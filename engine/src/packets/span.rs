//! A part of a frame: what was captured of it, and how long it was.

use super::Undecodable;

/// What follows the headers that were read so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// What was captured.
    pub octets: &'a [u8],
    /// Octets on the wire, by the headers before it. Less than was captured never; more when the capture, or the switch
    /// that mirrors, cut the frame.
    pub wire: usize,
}

impl<'a> Span<'a> {
    pub fn new(octets: &'a [u8], wire: usize) -> Self {
        Self {
            octets,
            wire: wire.max(octets.len()),
        }
    }

    /// The next `N` octets and the rest. `bad`: what it is called when a header before says that they never were there.
    #[inline]
    pub fn head<const N: usize>(
        self,
        bad: Undecodable,
    ) -> Result<(&'a [u8; N], Self), Undecodable> {
        match self.octets.split_first_chunk::<N>() {
            Some((head, octets)) => Ok((
                head,
                Self {
                    octets,
                    wire: self.wire.saturating_sub(N),
                },
            )),
            None => Err(self.lacks(N, bad)),
        }
    }

    /// What follows the next `count` octets.
    #[inline]
    pub fn skip(self, count: usize, bad: Undecodable) -> Result<Self, Undecodable> {
        match self.octets.get(count..) {
            Some(octets) => Ok(Self {
                octets,
                wire: self.wire.saturating_sub(count),
            }),
            None => Err(self.lacks(count, bad)),
        }
    }

    /// What follows the next `count` octets, nothing when these were not captured in full.
    #[inline]
    pub fn past(self, count: usize) -> Self {
        Self {
            octets: self.octets.get(count..).unwrap_or_default(),
            wire: self.wire.saturating_sub(count),
        }
    }

    /// No more than `count` octets of it: what comes after is padding or a check sequence.
    #[inline]
    pub fn limit(self, count: usize) -> Self {
        Self {
            octets: self.octets.get(..count).unwrap_or(self.octets),
            wire: self.wire.min(count),
        }
    }

    /// It has `count` octets by its own header, even when the frame around it was shorter: then the frame was cut before
    /// it was sent here.
    #[inline]
    pub fn told(self, count: usize) -> Self {
        Self {
            octets: self.octets.get(..count).unwrap_or(self.octets),
            wire: count,
        }
    }

    /// A number of two octets, in network order.
    #[inline]
    pub fn be16(self, at: usize) -> Option<u16> {
        self.octets
            .get(at..)?
            .first_chunk()
            .copied()
            .map(u16::from_be_bytes)
    }

    /// One octet.
    #[inline]
    pub fn octet(self, at: usize) -> Option<u8> {
        self.octets.get(at).copied()
    }

    #[cold]
    fn lacks(self, count: usize, bad: Undecodable) -> Undecodable {
        if count > self.wire {
            bad
        } else {
            Undecodable::Truncated
        }
    }
}
