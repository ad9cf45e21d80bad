//! What is not IP: by EtherType, and the pause frames among it.

use hashbrown::HashMap;
use serde::{Serialize, Serializer};

use super::Count;
use crate::packets::Packet;

const MAX_TYPES: usize = 256;
const MAX_SENDERS: usize = 256;
const MAC_CONTROL: u16 = 0x8808;
const PAUSE: u16 = 0x0001;
const PRIORITY_PAUSE: u16 = 0x0101;
/// Pause frames without priorities are kept behind the eight priorities.
const ALL: usize = 8;

/// Packets by EtherType, of the first 256 that were seen.
#[derive(Debug, Default)]
pub struct EtherTypes {
    types: HashMap<u16, Count>,
    /// Packets of others.
    pub others: Count,
}

impl EtherTypes {
    pub(in crate::flows) fn add(&mut self, ether_type: u16, octets: u32) {
        if let Some(count) = self.types.get_mut(&ether_type) {
            count.add(octets);
        } else if self.types.len() < MAX_TYPES {
            let mut count = Count::default();
            count.add(octets);
            self.types.insert(ether_type, count);
        } else {
            self.others.add(octets);
        }
    }

    /// How many there were of a type.
    pub fn of(&self, ether_type: u16) -> Count {
        self.types.get(&ether_type).copied().unwrap_or_default()
    }
}

/// As a map; others stand under -1.
impl Serialize for EtherTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut types: Vec<(i32, Count)> = self
            .types
            .iter()
            .map(|(&ether_type, &count)| (i32::from(ether_type), count))
            .collect();
        types.sort_unstable_by_key(|&(ether_type, _)| ether_type);
        if self.others.packets > 0 {
            types.push((-1, self.others));
        }
        serializer.collect_map(types)
    }
}

/// Pause frames of one sender. Index 0 to 7 is the priority; 8 is the pause of 802.3 annex 31B, which stops all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Frames that stop it.
    pub frames: [u64; 9],
    /// For how long in all, in quanta of 512 bit times of the port's speed; a later frame cuts an earlier one short, so
    /// this is an upper bound.
    pub quanta: [u64; 9],
    /// Frames that let it go on (0 quanta).
    pub resumes: [u64; 9],
}

impl Pause {
    fn add(&mut self, priority: usize, quanta: u16) {
        let counts = if quanta == 0 {
            &mut self.resumes
        } else {
            &mut self.frames
        };
        if let Some(count) = counts.get_mut(priority) {
            *count = count.saturating_add(1);
        }
        if let Some(sum) = self.quanta.get_mut(priority) {
            *sum = sum.saturating_add(u64::from(quanta));
        }
    }
}

/// Pause frames by sender's Ethernet address, of the first 256 senders.
#[derive(Debug, Default)]
pub struct Pauses {
    senders: HashMap<[u8; 6], Pause>,
    /// Those of other senders.
    pub others: Pause,
    /// MAC control frames that are none of both kinds of pause, or too short.
    pub unknown: u64,
}

impl Pauses {
    /// An Ethernet frame; counted when it is one of MAC control.
    pub(in crate::flows) fn observe(&mut self, packet: &Packet<'_>) {
        if packet.network.ether_type != MAC_CONTROL {
            return;
        }
        let sender = match packet.network.source.first_chunk::<6>() {
            Some(sender) if self.senders.contains_key(sender) => self.senders.get_mut(sender),
            Some(sender) if self.senders.len() < MAX_SENDERS => {
                Some(self.senders.entry(*sender).or_default())
            }
            _ => None,
        };
        let pause = sender.unwrap_or(&mut self.others);
        if count(pause, packet.payload).is_none() {
            self.unknown = self.unknown.saturating_add(1);
        }
    }

    /// What a sender sent.
    pub fn of(&self, sender: [u8; 6]) -> Pause {
        self.senders.get(&sender).copied().unwrap_or_default()
    }
}

/// 802.3 annex 31B (pause: opcode, quanta) and 802.1Q (priority pause: opcode, vector of enabled priorities, eight times
/// quanta).
fn count(pause: &mut Pause, control: &[u8]) -> Option<()> {
    let word = |index: usize| {
        let octets = control.get(2 * index..)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*octets))
    };
    match word(0)? {
        PAUSE => pause.add(ALL, word(1)?),
        PRIORITY_PAUSE => {
            let (enabled, _) = (word(1)?, word(9)?);
            for priority in (0..8).filter(|priority| enabled & (1 << priority) != 0) {
                pause.add(priority, word(2 + priority)?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// As a map by address; other senders stand under the empty one.
impl Serialize for Pauses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut senders: Vec<(String, Pause)> = self
            .senders
            .iter()
            .map(|(address, &pause)| {
                let octets = address.map(|octet| format!("{octet:02x}"));
                (octets.join(":"), pause)
            })
            .collect();
        senders.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if self.others != Pause::default() {
            senders.push((String::new(), self.others));
        }
        serializer.collect_map(senders)
    }
}
