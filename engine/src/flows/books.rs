//! Where every packet went.
//!
//! `packets` = `undecodable` + `counted` + `not_sampled`, in octets as well. What the capture itself dropped or
//! filtered comes before, and is in the capture's own counts.

mod ethernet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use ethernet::{EtherTypes, Pauses};

use super::mirrors::{Mirror, Mirrors};
use super::record::EndReason;
use crate::packets::Undecodable;

/// Packets and octets on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub octets: u64,
}

impl Count {
    #[inline]
    pub(super) fn add(&mut self, octets: u32) {
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(u64::from(octets));
    }
}

/// Frames that could not be decoded, by reason.
#[derive(Clone, Debug, Default)]
pub struct UndecodableCounts([Count; Undecodable::ALL.len()]);

impl UndecodableCounts {
    pub(super) fn add(&mut self, reason: Undecodable, octets: u32) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            count.add(octets);
        }
    }

    /// How many there were for a reason.
    pub fn of(&self, reason: Undecodable) -> Count {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// How many there were in all.
    pub fn total(&self) -> Count {
        self.0.iter().fold(Count::default(), |sum, count| Count {
            packets: sum.packets.saturating_add(count.packets),
            octets: sum.octets.saturating_add(count.octets),
        })
    }
}

impl Serialize for UndecodableCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Undecodable::ALL.len()))?;
        for reason in Undecodable::ALL {
            map.serialize_entry(reason.reason(), &self.of(reason))?;
        }
        map.end()
    }
}

/// What became of flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FlowCounts {
    /// Flows that began.
    pub begun: u64,
    /// Records by end reason: idle, active, end of flow, forced, lack of resources.
    pub told: [u64; 5],
    /// Flows that are followed now, without those of RDMA.
    pub now: u64,
    /// The most there were.
    pub most: u64,
    /// One of how many beginning flows is followed now.
    pub sampling: u32,
    /// Flows whose payload was not looked at for want of room.
    pub not_inspected: u64,
    /// Flows of RDMA that are followed now.
    pub rdma_now: u64,
    /// Flows of RDMA that made room for others.
    pub rdma_evicted: u64,
}

/// All counts of one meter, from its beginning on.
#[derive(Debug, Default, Serialize)]
pub struct Books {
    /// Everything that the capture gave.
    pub packets: Count,
    /// What belongs to no flow since it cannot be read.
    pub undecodable: UndecodableCounts,
    /// What is in records that were told, or will be.
    pub counted: Count,
    /// What belongs to flows that are not followed, since too many began.
    pub not_sampled: Count,
    /// Of `counted`, what was in records that nobody took in time.
    pub dropped: Count,
    /// These records.
    pub records_dropped: u64,
    /// How often time was set back by more than the idle timeout.
    pub rewinds: u64,
    /// Packets by what they came through: `TunnelKind` as an index.
    pub tunnels: [u64; 10],
    /// Flows.
    pub flows: FlowCounts,
    /// What is not IP.
    pub ether_types: EtherTypes,
    /// Pause frames.
    pub pauses: Pauses,
    /// Sessions that bring mirrored packets, and what these lost on their way here.
    #[serde(serialize_with = "sessions")]
    pub mirrors: Mirrors,
    /// Numbered mirrored packets of sessions beyond the first 1,024.
    pub mirrors_unfollowed: u64,
}

impl Books {
    pub(super) fn told(&mut self, reason: EndReason) {
        let index = usize::from(u8::from(reason)).saturating_sub(1);
        if let Some(count) = self.flows.told.get_mut(index) {
            *count = count.saturating_add(1);
        }
    }

    /// As a MessagePack map by the names of the fields.
    pub fn to_packed(&self) -> Vec<u8> {
        // Nothing here can fail to be written to memory.
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }
}

fn sessions<S: Serializer>(mirrors: &Mirrors, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Seen<'a> {
        #[serde(flatten)]
        mirror: &'a Mirror,
        visibility: f32,
    }
    serializer.collect_seq(mirrors.sessions().iter().map(|mirror| Seen {
        mirror,
        visibility: mirror.visibility(),
    }))
}
