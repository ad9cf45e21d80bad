//! The classic capture format (draft-ietf-opsawg-pcap), with the variants that libpcap reads.

use super::octets::Order::{self, Big, Little};
use super::window::{Have, Window};
use super::{CaptureError, MAX_PACKET};
use crate::packets::LinkType;

/// Octets of the file's header.
pub(super) const HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's, of Linux in the nineties: each record says its interface, protocol and packet type as well.
const MODIFIED: u32 = 0xa1b2_cd34;

/// A packet's place and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) place: usize,
    pub(super) captured: usize,
    pub(super) wire_octets: u32,
    pub(super) time_ns: u64,
    pub(super) link: LinkType,
}

/// What came of looking for the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Packet(Record),
    NotYet,
    End,
}

/// What the file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    order: Order,
    fraction_ns: u64,
    record_header: usize,
    minor: u16,
    pub(super) link: LinkType,
    pub(super) snap: u32,
    check_octets: u32,
}

impl Pcap {
    /// Whether a file of this format begins so.
    pub(super) fn begins(octets: &[u8]) -> bool {
        magic(octets).is_some()
    }

    /// What the header says, or why it cannot be.
    pub(super) fn parse(header: &[u8]) -> Result<Self, String> {
        let parsed = magic(header).and_then(|(order, magic)| {
            let version = (order.u16(header, 4)?, order.u16(header, 6)?);
            let network = (order.u32(header, 16)?, order.u32(header, 20)?);
            Some((order, magic, version, network))
        });
        let Some((order, magic, (major, minor), (snap, network))) = parsed else {
            return Err("no header of a pcap file".into());
        };
        if major != 2 {
            return Err(format!("pcap of version {major}.{minor}, not 2"));
        }
        Ok(Self {
            order,
            fraction_ns: if magic == NANOSECONDS { 1 } else { 1_000 },
            record_header: if magic == MODIFIED { 24 } else { 16 },
            minor,
            link: LinkType(network as u16),
            snap,
            // Bit 26 says that the top four count the 16-bit words of a frame check sequence.
            check_octets: if network & 1 << 26 != 0 {
                network >> 28 << 1
            } else {
                0
            },
        })
    }

    pub(super) fn next(&self, window: &mut Window) -> Result<Next, CaptureError> {
        match window.need(self.record_header)? {
            Have::Yes => {}
            Have::NotYet => return Ok(Next::NotYet),
            Have::End(0) => return Ok(Next::End),
            Have::End(left) => {
                return Err(window.truncated("record header", self.record_header as u64, left));
            }
        }
        let header = window.octets();
        let number = |at| self.order.u32(header, at).unwrap_or(0);
        let (seconds, fraction) = (number(0), number(4));
        let (captured, original) = self.lengths(number(8), number(12));
        let captured_octets = captured as usize;
        if captured_octets > MAX_PACKET {
            return Err(window.damaged(&format!(
                "a record says that it has {captured} octets, more than {MAX_PACKET}"
            )));
        }
        let length = self.record_header + captured_octets;
        match window.need(length)? {
            Have::Yes => {}
            Have::NotYet => return Ok(Next::NotYet),
            Have::End(left) => return Err(window.truncated("record", length as u64, left)),
        }
        let (captured, wire_octets) = without_check(captured, original, self.check_octets);
        let record = Record {
            place: window.place() + self.record_header,
            captured: captured as usize,
            wire_octets,
            time_ns: u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.fraction_ns,
            link: self.link,
        };
        window.pass(length);
        Ok(Next::Packet(record))
    }

    /// Captured and original length. Before version 2.3 they stood the other way round, DG/UX (2.543) kept that, and in
    /// 2.3 both are found.
    fn lengths(&self, first: u32, second: u32) -> (u32, u32) {
        let swapped = match self.minor {
            0..=2 | 543 => true,
            3 => first > second,
            _ => false,
        };
        if swapped {
            (second, first)
        } else {
            (first, second)
        }
    }
}

fn magic(octets: &[u8]) -> Option<(Order, u32)> {
    [Little, Big].into_iter().find_map(|order| {
        let magic = order.u32(octets, 0)?;
        matches!(magic, MICROSECONDS | NANOSECONDS | MODIFIED).then_some((order, magic))
    })
}

/// Captured and original length without the frame check sequence at the packet's end.
pub(super) fn without_check(captured: u32, original: u32, check_octets: u32) -> (u32, u32) {
    let wire = original.max(captured).saturating_sub(check_octets);
    (captured.min(wire), wire)
}
