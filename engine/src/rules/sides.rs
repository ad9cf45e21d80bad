//! The first octets of one side: a stream put together by sequence number, or the first datagrams.

use super::evaluation::Message;

/// Octets that are kept of each side.
pub const MAX_OCTETS: usize = 2048;
/// Datagrams that are kept of each side.
pub const MAX_DATAGRAMS: usize = 8;
/// Segments that wait for what comes before them.
const MAX_WAITING: usize = 4;

/// One side of a flow, as far as it is kept. Nothing is allocated before its first payload.
#[derive(Debug, Default)]
pub(super) struct SideOctets {
    octets: Vec<u8>,
    stream: bool,
    /// Sequence number of the first octet of a stream.
    base: Option<u32>,
    /// Octets of the first segment or datagram on the wire.
    first: u32,
    /// Segments that are ahead of what is here, by distance from `base`.
    waiting: Vec<(usize, Vec<u8>)>,
    /// Where each datagram ends in `octets`, and how long it was on the wire.
    datagrams: Vec<(usize, u32)>,
    /// Whether what was taken for the beginning turned out to be none, since this was last taken.
    pub began_earlier: bool,
    /// By message (one in a stream), as many words as the patterns need.
    pub hits: Vec<u64>,
}

impl SideOctets {
    pub fn messages(&self) -> usize {
        if self.stream {
            usize::from(!self.octets.is_empty())
        } else {
            self.datagrams.len()
        }
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub fn full(&self) -> bool {
        self.octets.len() >= MAX_OCTETS || self.datagrams.len() >= MAX_DATAGRAMS
    }

    /// The nth message.
    pub fn message(&self, index: usize) -> Option<Message<'_>> {
        if self.stream {
            return (index == 0 && !self.octets.is_empty()).then_some(Message {
                octets: &self.octets,
                size: self.octets.len() as u64,
                first: u64::from(self.first),
                stream: true,
            });
        }
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => self.datagrams.get(before)?.0,
        };
        let (end, size) = *self.datagrams.get(index)?;
        Some(Message {
            octets: self.octets.get(start..end)?,
            size: u64::from(size),
            first: u64::from(self.first),
            stream: false,
        })
    }

    /// Keep a datagram. True when there is one more to look at.
    pub fn datagram(&mut self, payload: &[u8], wire_octets: u32) -> bool {
        if self.full() {
            return false;
        }
        if self.datagrams.is_empty() {
            self.first = wire_octets;
        }
        let room = MAX_OCTETS.saturating_sub(self.octets.len());
        let kept = payload.get(..room).unwrap_or(payload);
        self.octets.extend_from_slice(kept);
        self.datagrams.push((self.octets.len(), wire_octets));
        true
    }

    /// Keep a segment. `begins`: the sequence number of the stream's first octet, where the SYN was seen.
    /// True when there is more to look at than before.
    pub fn segment(
        &mut self,
        payload: &[u8],
        wire_octets: u32,
        sequence: u32,
        begins: Option<u32>,
    ) -> bool {
        self.stream = true;
        let base = *self.base.get_or_insert_with(|| begins.unwrap_or(sequence));
        // Distances of more than half the number space are negative: it comes before what was taken for the beginning.
        let distance = sequence.wrapping_sub(base);
        if distance >= 1 << 31 {
            let back = base.wrapping_sub(sequence) as usize;
            return if payload.len() > back {
                // Repeats what is here, and goes on behind it.
                self.place(0, payload.get(back..).unwrap_or_default(), wire_octets)
            } else if begins.is_none() && back <= MAX_OCTETS && payload.len() > 1 {
                // One octet just before the beginning would be a keep-alive.
                self.begin_earlier(payload, wire_octets, sequence, back)
            } else {
                false
            };
        }
        self.place(distance as usize, payload, wire_octets)
    }

    /// Put octets at a distance from the first one. What was here first stays.
    fn place(&mut self, distance: usize, payload: &[u8], wire_octets: u32) -> bool {
        if distance >= MAX_OCTETS {
            return false;
        }
        if distance == 0 && self.first == 0 {
            self.first = wire_octets;
        }
        let Some(seen) = self.octets.len().checked_sub(distance) else {
            if self.waiting.len() < MAX_WAITING {
                let room = MAX_OCTETS.saturating_sub(distance);
                let kept = payload.get(..room).unwrap_or(payload);
                self.waiting.push((distance, kept.to_vec()));
            }
            return false;
        };
        let before = self.octets.len();
        self.append(payload.get(seen..).unwrap_or_default());
        while let Some(index) = self
            .waiting
            .iter()
            .position(|(at, _)| *at <= self.octets.len())
        {
            let (at, octets) = self.waiting.swap_remove(index);
            let seen = self.octets.len().saturating_sub(at);
            self.append(octets.get(seen..).unwrap_or_default());
        }
        self.octets.len() > before
    }

    fn append(&mut self, octets: &[u8]) {
        let room = MAX_OCTETS.saturating_sub(self.octets.len());
        self.octets
            .extend_from_slice(octets.get(..room).unwrap_or(octets));
    }

    /// A segment from before the first one that was seen, when nobody knows where the stream begins.
    fn begin_earlier(
        &mut self,
        payload: &[u8],
        wire_octets: u32,
        sequence: u32,
        back: usize,
    ) -> bool {
        let later = std::mem::take(&mut self.octets);
        for (at, _) in &mut self.waiting {
            *at = at.saturating_add(back);
        }
        if self.waiting.len() < MAX_WAITING && back < MAX_OCTETS {
            self.waiting.push((back, later));
        }
        self.base = Some(sequence);
        self.first = 0;
        self.began_earlier = true;
        self.place(0, payload, wire_octets)
    }
}

#[cfg(test)]
mod tests;
