//! Sizes of messages: from the length that a WRITE or READ tells, otherwise from where FIRST and LAST stand.

use super::psn::{add, ahead};

/// Octets of payload in a full packet (PMTU).
const MTUS: [u32; 5] = [4096, 2048, 1024, 512, 256];
/// Sizes by their bits: 0 to 32.
const BITS: usize = 33;

/// Messages that ended.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// How many.
    pub count: u64,
    /// Their octets.
    pub octets: u64,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
    bits: [u64; BITS],
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            count: 0,
            octets: 0,
            min: 0,
            max: 0,
            bits: [0; BITS],
        }
    }
}

impl Sizes {
    /// A message of that many octets ended.
    pub fn add(&mut self, octets: u32) {
        let bits = (32 - octets.leading_zeros()) as usize;
        if let Some(count) = self.bits.get_mut(bits) {
            *count += 1;
        }
        let octets = u64::from(octets);
        self.min = if self.count == 0 {
            octets
        } else {
            self.min.min(octets)
        };
        self.max = self.max.max(octets);
        self.count += 1;
        self.octets = self.octets.saturating_add(octets);
    }

    /// Counts by bits, without the zeros at the end.
    pub fn histogram(&self) -> Vec<u64> {
        let used = self.bits.iter().rposition(|&count| count > 0);
        self.bits
            .iter()
            .take(used.map_or(0, |last| last + 1))
            .copied()
            .collect()
    }
}

/// How many packets a message of that many octets takes; 1 for an empty one.
pub fn packets(octets: u32, mtu: u32) -> u32 {
    if mtu == 0 {
        1
    } else {
        octets.div_ceil(mtu).max(1)
    }
}

/// The payload of a full packet with which a READ of `length` octets at `first` takes the numbers before `next`.
pub fn fitting_mtu(first: u32, length: u32, next: u32) -> Option<u32> {
    let taken = ahead(first, next);
    MTUS.into_iter().find(|&mtu| packets(length, mtu) == taken)
}

/// A message that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Sequence number of its first packet, as far as is known.
    pub first: u32,
    /// What its begin said of its length.
    pub length: Option<u32>,
    /// Whether a packet of it was seen; otherwise it is only supposed that one begins there.
    pub seen: bool,
}

impl Open {
    /// One that is supposed to begin there.
    pub fn supposed(first: u32) -> Self {
        Self {
            first,
            length: None,
            seen: false,
        }
    }

    /// The sequence number behind it, where its length was told and the payload of a full packet is known.
    pub fn end(&self, mtu: u32) -> Option<u32> {
        match self.length {
            Some(length) if mtu > 0 => Some(add(self.first, packets(length, mtu))),
            _ => None,
        }
    }

    /// Its size, when it ends with the packet `last` of `payload` octets.
    pub fn size(&self, last: u32, payload: u32, mtu: u32) -> u32 {
        match (self.length, self.end(mtu)) {
            (Some(length), None) => length,
            (Some(length), Some(end)) if end == add(last, 1) => length,
            // Its own end was not seen, and this is the end of the next one.
            (Some(_), Some(end)) if ahead(end, last) > 0 => full(ahead(end, last), payload, mtu),
            _ => full(ahead(self.first, last), payload, mtu),
        }
    }
}

/// Octets in `count` full packets and one of `payload` octets.
fn full(count: u32, payload: u32, mtu: u32) -> u32 {
    count.saturating_mul(mtu).saturating_add(payload)
}
