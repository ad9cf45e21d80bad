//! The last packets, as they were captured, so that those of a flow can be saved once its record is told.
//!
//! What a flow is, is known at its end at the latest, and what it does (`behaviour` of a policy) no sooner: packets are
//! kept before anybody knows whether they are wanted. They lie one after the other in segments of a fixed size; where
//! all are full, the oldest segment is emptied. Nothing is allocated for a packet.

mod pcapng;
mod tag;

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::Deserialize;

use super::record::FlowKey;
use crate::packets::{Frame, LinkType, Packet};
use pcapng::Section;
use tag::Tags;

/// Octets of packets in a segment: four of the largest that a capture gives.
const SEGMENT: usize = 1 << 20;
/// Packets in a segment, so that 128 octets of each fit.
const PACKETS: usize = SEGMENT / 128;
/// What a segment costs.
const SEGMENT_OCTETS: usize = SEGMENT + PACKETS * size_of::<Kept>();

/// One flow that is to be saved: its packets from one time to another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Wanted {
    /// As the flow's record has it.
    pub key: FlowKey,
    /// First packet, ns since 1970.
    pub start_ns: u64,
    /// Last packet.
    pub end_ns: u64,
}

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptCounts {
    /// Packets that are there.
    pub packets: u64,
    /// Their octets, as far as they were captured.
    pub octets: u64,
    /// Packets that made room for later ones, or were too large.
    pub dropped: u64,
}

/// A packet's own; its octets are those of the segment from where the one before it ends.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// Of its flow and direction; 0 once it was saved.
    tag: u64,
    time_ns: u64,
    wire_octets: u32,
    end: u32,
    link: LinkType,
    stripped_vlan: Option<u16>,
}

#[derive(Debug)]
struct Segment {
    packets: Vec<Kept>,
    octets: Vec<u8>,
}

/// The last packets.
#[derive(Debug)]
pub(super) struct Keep {
    segments: VecDeque<Segment>,
    most: usize,
    tags: Tags,
    dropped: u64,
}

impl Keep {
    /// Of so much memory at most, but two segments at least.
    pub(super) fn new(octets: u64) -> Self {
        let most = usize::try_from(octets).unwrap_or(usize::MAX) / SEGMENT_OCTETS;
        Self {
            segments: VecDeque::new(),
            most: most.max(2),
            tags: Tags::default(),
            dropped: 0,
        }
    }

    /// Keep a packet that was decoded.
    pub(super) fn observe(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        let length = frame.octets.len();
        if length > SEGMENT {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let tag = self.tags.of(packet);
        if !self.segments.back().is_some_and(|last| last.takes(length)) {
            let next = self.room();
            self.segments.push_back(next);
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.octets.extend_from_slice(frame.octets);
            segment.packets.push(Kept {
                tag,
                time_ns: frame.time_ns,
                wire_octets: frame.wire_octets,
                // Not more than SEGMENT.
                end: segment.octets.len() as u32,
                link: frame.link,
                stripped_vlan: frame.stripped_vlan,
            });
        }
    }

    /// An empty segment: the oldest one where there may not be more.
    fn room(&mut self) -> Segment {
        if self.segments.len() >= self.most {
            if let Some(mut oldest) = self.segments.pop_front() {
                self.dropped = self.dropped.saturating_add(oldest.packets.len() as u64);
                oldest.packets.clear();
                oldest.octets.clear();
                return oldest;
            }
        }
        Segment {
            packets: Vec::with_capacity(PACKETS),
            octets: Vec::with_capacity(SEGMENT),
        }
    }

    /// The packets of these flows that are still there, as a section of pcapng; empty when there are none. A packet is
    /// given once. How many they are stands beside it.
    pub(super) fn save(&mut self, wanted: &[Wanted]) -> (u64, Vec<u8>) {
        let mut spans: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
        for flow in wanted {
            for tag in self.tags.of_key(&flow.key).into_iter().flatten() {
                let times = (flow.start_ns, flow.end_ns);
                spans.entry(tag).or_default().push(times);
            }
        }
        let mut section = Section::default();
        let mut count = 0_u64;
        for segment in &mut self.segments {
            let mut begin = 0;
            for kept in &mut segment.packets {
                let end = kept.end as usize;
                let octets = segment.octets.get(begin..end).unwrap_or_default();
                begin = end;
                let is_wanted = spans.get(&kept.tag).is_some_and(|spans| {
                    let inside = |&(start, end): &(u64, u64)| (start..=end).contains(&kept.time_ns);
                    spans.iter().any(inside)
                });
                if is_wanted {
                    section.add(&Frame {
                        time_ns: kept.time_ns,
                        wire_octets: kept.wire_octets,
                        link: kept.link,
                        octets,
                        stripped_vlan: kept.stripped_vlan,
                    });
                    kept.tag = 0;
                    count = count.saturating_add(1);
                }
            }
        }
        (count, section.into_octets())
    }

    pub(super) fn counts(&self) -> KeptCounts {
        self.segments.iter().fold(
            KeptCounts {
                dropped: self.dropped,
                ..KeptCounts::default()
            },
            |sum, segment| KeptCounts {
                packets: sum.packets.saturating_add(segment.packets.len() as u64),
                octets: sum.octets.saturating_add(segment.octets.len() as u64),
                ..sum
            },
        )
    }
}

impl Segment {
    /// Whether a packet of that many octets finds room without another allocation.
    fn takes(&self, length: usize) -> bool {
        self.packets.len() < PACKETS && self.octets.len().saturating_add(length) <= SEGMENT
    }
}

#[cfg(test)]
mod tests;
