//! What is kept of one flow while it is looked at.

use crate::packets::{Family, RdmaLink, TunnelKind};

use super::extract::Sides;
use super::reading::Read;
use super::sides::SideOctets;

/// Packets with payload after which nobody looks any longer.
pub const MAX_PACKETS: u16 = 16;

/// What rules are asked with beside the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowFacts {
    /// IP protocol; 0 for what is not IP.
    pub protocol: u8,
    /// EtherType.
    pub ether_type: u16,
    /// At the flow's source; 0 where there is none.
    pub source_port: u16,
    /// At its destination.
    pub destination_port: u16,
    /// Which addresses it has.
    pub family: Family,
    /// What it came through.
    pub tunnel: TunnelKind,
    /// Set for RDMA.
    pub rdma: Option<RdmaLink>,
    /// Whether the source is known to have opened the flow (its SYN was seen), so that rules need not be asked the other
    /// way round.
    pub opened: bool,
    /// Sequence number of the first octet of TCP's payload from the source and from the destination (that of the SYN
    /// and 1), where the SYN was seen.
    pub begins: [Option<u32>; 2],
}

impl FlowFacts {
    /// A flow over IP of which no more is known.
    pub fn ip(protocol: u8, source_port: u16, destination_port: u16) -> Self {
        Self {
            protocol,
            ether_type: 0x0800,
            source_port,
            destination_port,
            family: Family::V4,
            tunnel: TunnelKind::None,
            rdma: None,
            opened: false,
            begins: [None; 2],
        }
    }
}

/// A rule that matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    /// Which of the program's alternatives.
    pub alternative: usize,
    /// The client's tests held of the destination's side.
    pub swapped: bool,
    /// Packets with payload when it was found.
    pub packets: u16,
    /// With ports and direction in it.
    pub confidence: f32,
}

/// A flow under inspection. It is empty, and has allocated nothing, until the first payload.
#[derive(Debug, Default)]
pub struct Inspection {
    pub(super) program: Option<usize>,
    /// From the source, and from the destination.
    pub(super) sides: [SideOctets; 2],
    pub(super) packets: u16,
    pub(super) settled: bool,
    pub(super) matches: Vec<Match>,
    pub(super) read: Read,
}

impl Inspection {
    /// Whether more payload would change nothing.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// Look at the fields that an extractor finds.
    pub(super) fn with_fields<R>(
        &self,
        facts: &FlowFacts,
        extractor: &str,
        swapped: bool,
        look: impl FnOnce(&[(&'static str, String)]) -> R,
    ) -> R {
        let [source, destination] = &self.sides;
        let (client, server) = match swapped {
            false => (source, destination),
            true => (destination, source),
        };
        let sides = Sides {
            client: client.octets(),
            server: server.octets(),
            stream: facts.protocol == 6,
        };
        self.read.with(extractor, swapped, &sides, look)
    }

    /// Octets of payload that it keeps: 4,096 at most, beside segments that came early.
    pub fn octets(&self) -> usize {
        let [source, destination] = &self.sides;
        source.octets().len() + destination.octets().len()
    }
}
