//! The capture format pcapng (draft-ietf-opsawg-pcapng).

use super::interface::{Interface, described, options};
use super::octets::Order::{self, Big, Little};
use super::pcap::{Next, Record, without_check};
use super::window::{Have, MAX_NEED, Window};
use super::{CaptureError, MAX_PACKET};

/// The block type of a section's header, the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// Interfaces of all sections together.
const MAX_INTERFACES: usize = 1 << 16;

/// Reads block after block.
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Where those of this section begin.
    section: usize,
    /// Octets of a block of no interest that are still to come.
    skip: u64,
    last_ns: u64,
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self {
            order: Little,
            interfaces: Vec::new(),
            section: 0,
            skip: 0,
            last_ns: 0,
        }
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Result<Next, CaptureError> {
        loop {
            while self.skip > 0 {
                match window.need(1)? {
                    Have::Yes => {}
                    Have::NotYet => return Ok(Next::NotYet),
                    Have::End(left) => return Err(window.truncated("block", self.skip, left)),
                }
                let count = window
                    .octets()
                    .len()
                    .min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                window.pass(count);
                self.skip -= count as u64;
            }
            match window.need(12)? {
                Have::Yes => {}
                Have::NotYet => return Ok(Next::NotYet),
                Have::End(0) => return Ok(Next::End),
                Have::End(left) => return Err(window.truncated("block header", 12, left)),
            }
            let (order, kind, length) = self
                .header(window.octets())
                .map_err(|what| window.damaged(&what))?;
            if length as usize > MAX_NEED
                || !matches!(
                    kind,
                    SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | STATISTICS | PACKET
                )
            {
                if kind != PACKET && kind != OLD_PACKET && kind != SIMPLE_PACKET {
                    self.skip = u64::from(length);
                    continue;
                }
                return Err(window.damaged(&format!("a packet block of {length} octets")));
            }
            let length = length as usize;
            match window.need(length)? {
                Have::Yes => {}
                Have::NotYet => return Ok(Next::NotYet),
                Have::End(left) => return Err(window.truncated("block", length as u64, left)),
            }
            let place = window.place();
            let block = window.octets().get(..length).unwrap_or_default();
            let again = order.u32(block, length - 4).unwrap_or(0);
            if again as usize != length {
                return Err(window.damaged(&format!(
                    "a block has {length} octets by its beginning and {again} by its end"
                )));
            }
            let body = block.get(8..length - 4).unwrap_or_default();
            let found = self
                .block(order, kind, body, place + 8)
                .map_err(|what| window.damaged(&what))?;
            window.pass(length);
            if let Some(record) = found {
                self.last_ns = record.time_ns;
                return Ok(Next::Packet(record));
            }
        }
    }

    /// Byte order, type and length of the block that begins so.
    fn header(&self, octets: &[u8]) -> Result<(Order, u32, u32), String> {
        let number = |order: Order, at| order.u32(octets, at).unwrap_or(0);
        let order = if number(Little, 0) != SECTION {
            self.order
        } else {
            [Little, Big]
                .into_iter()
                .find(|&order| number(order, 8) == BYTE_ORDER)
                .ok_or_else(|| format!("byte-order magic {:08x}", number(Big, 8)))?
        };
        let (kind, length) = (number(order, 0), number(order, 4));
        if length < 12 {
            return Err(format!("a block of {length} octets, less than 12"));
        }
        Ok((order, kind, length))
    }

    fn block(
        &mut self,
        order: Order,
        kind: u32,
        body: &[u8],
        place: usize,
    ) -> Result<Option<Record>, String> {
        let short = || {
            format!(
                "a block of type {kind} with {} octets is too short",
                body.len()
            )
        };
        let number = |at| order.u32(body, at).ok_or_else(short);
        let half = |at| order.u16(body, at).ok_or_else(short);
        match kind {
            SECTION => {
                let major = half(4)?;
                if major != 1 {
                    return Err(format!("a section of pcapng {major}, not 1"));
                }
                self.order = order;
                self.section = self.interfaces.len();
            }
            INTERFACE => {
                let interface = described(order, body, half(0)?, number(4)?);
                if self.interfaces.len() >= MAX_INTERFACES {
                    return Err(format!("more than {MAX_INTERFACES} interfaces"));
                }
                self.interfaces.push(interface);
            }
            STATISTICS => {
                let (mut interface, mut system) = (None, None);
                for (code, value) in options(order, body, 12) {
                    match code {
                        5 => interface = order.u64(value, 0),
                        7 => system = order.u64(value, 0),
                        _ => {}
                    }
                }
                let about = self.interface(number(0)?)?;
                if interface.is_some() || system.is_some() {
                    let drops = interface.unwrap_or(0).saturating_add(system.unwrap_or(0));
                    about.dropped = Some(drops.max(about.lost));
                }
            }
            PACKET | OLD_PACKET => {
                let index = if kind == PACKET {
                    number(0)?
                } else {
                    u32::from(half(0)?)
                };
                let stamp = u64::from(number(4)?) << 32 | u64::from(number(8)?);
                let (captured, original) = (number(12)?, number(16)?);
                let padded = (captured as usize).next_multiple_of(4);
                if captured as usize > MAX_PACKET
                    || body.len().saturating_sub(20) < captured as usize
                {
                    return Err(format!(
                        "a packet of {captured} octets in a block of {}",
                        body.len() + 12
                    ));
                }
                let (mut check, mut lost) = (None, None);
                for (code, value) in options(order, body, 20 + padded) {
                    match code {
                        // Bits 5 to 8 of the flags: octets of the frame check sequence, 0 when nothing is known.
                        2 => check = order.u32(value, 0).map(|flags| flags >> 5 & 0xf),
                        4 if kind == PACKET => lost = order.u64(value, 0),
                        _ => {}
                    }
                }
                if kind == OLD_PACKET {
                    lost = half(2)
                        .ok()
                        .filter(|&count| count != u16::MAX)
                        .map(u64::from);
                }
                let about = self.interface(index)?;
                about.lose(lost.unwrap_or(0));
                let check = check
                    .filter(|&octets| octets > 0)
                    .unwrap_or(about.check_octets);
                let (captured, wire_octets) = without_check(captured, original, check);
                return Ok(Some(Record {
                    place: place + 20,
                    captured: captured as usize,
                    wire_octets,
                    time_ns: about.time(stamp),
                    link: about.link,
                }));
            }
            SIMPLE_PACKET => {
                let original = number(0)?;
                let time_ns = self.last_ns;
                let about = self.interface(0)?;
                let limit = if about.snap == 0 {
                    u32::MAX
                } else {
                    about.snap
                };
                let there = (body.len() - 4) as u32;
                let captured = original.min(limit).min(there);
                if captured as usize > MAX_PACKET {
                    return Err(format!("a packet of {captured} octets"));
                }
                let (captured, wire_octets) = without_check(captured, original, about.check_octets);
                return Ok(Some(Record {
                    place: place + 4,
                    captured: captured as usize,
                    wire_octets,
                    // It has no time of its own: that of the packet before it.
                    time_ns,
                    link: about.link,
                }));
            }
            _ => {}
        }
        Ok(None)
    }

    fn interface(&mut self, index: u32) -> Result<&mut Interface, String> {
        let there = self.interfaces.len() - self.section;
        self.interfaces
            .get_mut(self.section..)
            .and_then(|interfaces| interfaces.get_mut(index as usize))
            .ok_or_else(|| format!("interface {index}, where {there} were described"))
    }
}
