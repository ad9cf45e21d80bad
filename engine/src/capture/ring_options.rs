//! What a ring takes, and what became of it.

use super::program::Program;
use super::{CaptureError, Trouble};

/// Octets that all blocks of a ring have at most.
const MAX_OCTETS: u64 = 4 << 30;

/// What a ring takes, and how much room it has.
#[derive(Clone, Debug)]
pub struct RingOptions {
    /// The interface's name; None for all.
    pub interface: Option<String>,
    /// Octets of each packet that are taken at most; 0 for all.
    pub snap: u32,
    /// Which packets are taken: a program that the kernel runs; None for all.
    pub filter: Option<Program>,
    /// Ask the interface for frames that are not meant for it, such as a switch mirrors them.
    pub promiscuous: bool,
    /// Take what this host sends as well.
    pub outgoing: bool,
    /// Have the interface stamp the time.
    pub hardware_time: bool,
    /// Octets of a block: a multiple of 4,096.
    pub block_octets: u32,
    /// How many blocks.
    pub blocks: u32,
    /// ms after which a block that is not full is handed over.
    pub retire_ms: u32,
}

impl RingOptions {
    /// Whether it makes sense.
    pub(super) fn check(&self, name: &str) -> Result<(), CaptureError> {
        let wrong = |what: String| {
            Err(CaptureError::new(
                Trouble::Settings,
                format!("{name}: {what}"),
            ))
        };
        let octets = u64::from(self.block_octets) * u64::from(self.blocks);
        if self.block_octets == 0 || self.block_octets % 4096 != 0 || self.blocks == 0 {
            return wrong(format!(
                "a ring of {} blocks of {} octets; blocks are a multiple of 4,096 octets",
                self.blocks, self.block_octets
            ));
        }
        if octets > MAX_OCTETS {
            return wrong(format!("a ring of {octets} octets, more than {MAX_OCTETS}"));
        }
        if self.interface.is_none() && (self.promiscuous || self.hardware_time) {
            return wrong(
                "promiscuous mode and hardware time belong to one interface; name it".into(),
            );
        }
        Ok(())
    }
}

impl Default for RingOptions {
    fn default() -> Self {
        Self {
            interface: None,
            snap: 0,
            filter: None,
            promiscuous: false,
            outgoing: false,
            hardware_time: false,
            block_octets: 1 << 20,
            blocks: 64,
            retire_ms: 20,
        }
    }
}

/// What became of the packets of a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCounts {
    /// Frames that were given.
    pub given: u64,
    /// Frames that passed the filter, those for which there was no room included.
    pub received: u64,
    /// Frames that the kernel dropped because the ring was full.
    pub dropped: u64,
    /// How often the ring was full.
    pub freezes: u64,
    /// Frames before the filter, for all rings of a group together: the first one has it, and it has no value where
    /// there is no filter.
    pub offered: Option<u64>,
    /// Of those given, the ones whose time the interface stamped.
    pub hardware_stamped: u64,
    /// Frames in blocks that contradicted themselves.
    pub broken: u64,
}

impl RingCounts {
    /// Frames that the filter kept back, of the rings of a group. A frame that is under way while they are counted makes
    /// a difference of one.
    pub fn filtered(rings: &[Self]) -> u64 {
        let received = rings
            .iter()
            .map(|ring| ring.received)
            .fold(0, u64::saturating_add);
        let offered = rings.iter().find_map(|ring| ring.offered);
        offered.map_or(0, |offered| offered.saturating_sub(received))
    }
}
