//! A block of a TPACKET_V3 ring (linux/if_packet.h): what packets are in it, and where.

use super::octets::{NATIVE, Order};

/// The descriptor's octets up to and with its status, which the kernel and this program hand to and fro: blocks are
/// given from there on.
pub(super) const STATUS_END: usize = 12;

// From the descriptor's beginning.
const COUNT: usize = 12;
const FIRST: usize = 16;
const DESCRIPTOR: usize = 48;

/// struct tpacket3_hdr; struct sockaddr_ll follows it.
const HEADER: usize = 48;

const VLAN_VALID: u32 = 1 << 4;
const HARDWARE_STAMP: u32 = 1 << 31;

/// A packet in a block. Places are counted from the block's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where the link header begins, and the network header.
    pub(super) link_header: usize,
    pub(super) network_header: usize,
    pub(super) captured: usize,
    pub(super) wire_octets: u32,
    pub(super) time_ns: u64,
    pub(super) hardware_stamp: bool,
    pub(super) vlan: Option<u16>,
    pub(super) interface: u32,
    pub(super) hardware_type: u16,
    pub(super) packet_type: u8,
    pub(super) protocol: u16,
}

/// Where in a block we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    left: u32,
    at: usize,
}

impl Walk {
    /// At the first packet of a block.
    pub(super) fn begin(block: &[u8]) -> Self {
        let number = |at: usize| NATIVE.u32(block, at - STATUS_END).unwrap_or(0);
        Self {
            left: number(COUNT),
            at: number(FIRST) as usize,
        }
    }

    /// Packets that are still to come.
    pub(super) fn left(self) -> u32 {
        self.left
    }

    /// The next packet. None at the end of the block, and where it contradicts itself: `left` is not 0 then.
    pub(super) fn next(&mut self, block: &[u8]) -> Option<Found> {
        if self.left == 0 || self.at < DESCRIPTOR {
            return None;
        }
        let header = block.get(self.at - STATUS_END..)?;
        let number = |at| NATIVE.u32(header, at);
        let half = |at| NATIVE.u16(header, at);
        let (step, seconds, fraction) = (number(0)?, number(4)?, number(8)?);
        let (captured, original, status) = (number(12)? as usize, number(16)?, number(20)?);
        let (link_header, network_header) = (usize::from(half(24)?), usize::from(half(26)?));
        let vlan = number(32)? as u16;
        let found = Found {
            link_header: self.at + link_header,
            network_header: self.at + network_header,
            captured,
            wire_octets: original,
            time_ns: u64::from(seconds) * 1_000_000_000 + u64::from(fraction),
            hardware_stamp: status & HARDWARE_STAMP != 0,
            vlan: (status & VLAN_VALID != 0).then_some(vlan),
            protocol: Order::Big.u16(header, HEADER + 2)?,
            interface: number(HEADER + 4)?,
            hardware_type: half(HEADER + 8)?,
            packet_type: *header.get(HEADER + 10)?,
        };
        header.get(link_header..)?.get(..captured)?;
        self.left -= 1;
        self.at = self.at.checked_add(step as usize)?;
        Some(found)
    }
}

/// The octets of a packet from a place on.
pub(super) fn octets(block: &[u8], place: usize, end: usize) -> &[u8] {
    let start = place.saturating_sub(STATUS_END);
    block
        .get(start..end.saturating_sub(STATUS_END))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
