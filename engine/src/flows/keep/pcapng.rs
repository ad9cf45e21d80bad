//! A section of pcapng (draft-ietf-opsawg-pcapng): little-endian, times in ns. Sections may stand one after the other.

use crate::packets::{Frame, LinkType};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const IF_TSRESOL: u16 = 9;
const NANOSECONDS: u8 = 9;

/// Where the tag was that the kernel took off: behind both Ethernet addresses.
const TAG_AT: usize = 12;
const TAG: u16 = 0x8100;

/// Grows packet by packet; nothing stands in it before the first one.
#[derive(Debug, Default)]
pub(super) struct Section {
    octets: Vec<u8>,
    links: Vec<LinkType>,
}

impl Section {
    pub(super) fn add(&mut self, frame: &Frame<'_>) {
        if self.octets.is_empty() {
            // Version 1.0, of unknown length.
            let version = 1_u16.to_le_bytes();
            let body = [&BYTE_ORDER.to_le_bytes()[..], &version, &[0; 2], &[0xff; 8]];
            self.block(SECTION_HEADER, &body);
        }
        let interface = self.interface(frame.link);
        let tag = frame
            .stripped_vlan
            .filter(|_| frame.link == LinkType::ETHERNET)
            .and_then(|tag| Some((tag, frame.octets.split_at_checked(TAG_AT)?)));
        let tagged;
        let (parts, more): ([&[u8]; 3], u32) = match tag {
            Some((tag, (addresses, rest))) => {
                tagged = [TAG.to_be_bytes(), tag.to_be_bytes()].concat();
                ([addresses, &tagged, rest], 4)
            }
            None => ([frame.octets, &[], &[]], 0),
        };
        // A packet of at most `capture::MAX_PACKET` octets.
        let captured = parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        let wire = frame.wire_octets.saturating_add(more).max(captured);
        let time = frame.time_ns;
        let head: Vec<u8> = [interface, (time >> 32) as u32, time as u32, captured, wire]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect();
        let [first, second, third] = parts;
        self.block(ENHANCED_PACKET, &[&head, first, second, third]);
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    fn interface(&mut self, link: LinkType) -> u32 {
        if let Some(place) = self.links.iter().position(|&known| known == link) {
            return place as u32;
        }
        let [low, high] = link.0.to_le_bytes();
        let [code, _] = IF_TSRESOL.to_le_bytes();
        // Reserved, no snap length, the resolution, the end of options.
        let body = [
            low,
            high,
            0,
            0,
            0,
            0,
            0,
            0,
            code,
            0,
            1,
            0,
            NANOSECONDS,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        self.block(INTERFACE, &[&body]);
        self.links.push(link);
        (self.links.len() - 1) as u32
    }

    /// A block's length stands at both of its ends, and is a multiple of four.
    fn block(&mut self, kind: u32, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let padding = length.wrapping_neg() % 4;
        let total = (length + padding + 12) as u32;
        self.octets.extend_from_slice(&kind.to_le_bytes());
        self.octets.extend_from_slice(&total.to_le_bytes());
        for part in parts {
            self.octets.extend_from_slice(part);
        }
        self.octets.resize(self.octets.len() + padding, 0);
        self.octets.extend_from_slice(&total.to_le_bytes());
    }
}
