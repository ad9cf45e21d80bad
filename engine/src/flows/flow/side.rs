//! What one end of a flow sent.

use crate::flows::mirrors::{Mark, Mirrors};
use crate::flows::record::Way;
use crate::packets::{Fragment, Packet};

/// What one end sent, as far as it is in no record yet.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) packets: u64,
    octets: u64,
    payload_octets: u64,
    first_ns: u64,
    ecn_capable: u64,
    ecn_marked: u64,
    fragments: u32,
    pub(super) mark: Mark,
    dscp: u8,
    tcp_flags: u8,
}

impl Side {
    pub(super) const EMPTY: Self = Self {
        packets: 0,
        octets: 0,
        payload_octets: 0,
        first_ns: 0,
        ecn_capable: 0,
        ecn_marked: 0,
        fragments: 0,
        mark: Mark::NONE,
        dscp: 0,
        tcp_flags: 0,
    };

    #[inline]
    pub(super) fn observe(&mut self, packet: &Packet<'_>, session: u16, mirrors: &Mirrors) {
        let network = &packet.network;
        if self.packets == 0 {
            self.first_ns = packet.time_ns;
            self.dscp = network.dscp;
            self.mark = mirrors.mark(session);
        }
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(u64::from(packet.wire_octets));
        self.payload_octets = self
            .payload_octets
            .saturating_add(u64::from(packet.payload_octets));
        self.first_ns = self.first_ns.min(packet.time_ns);
        self.ecn_capable = self.ecn_capable.saturating_add(u64::from(network.ecn != 0));
        self.ecn_marked = self.ecn_marked.saturating_add(u64::from(network.ecn == 3));
        if network.fragment != Fragment::Whole {
            self.fragments = self.fragments.saturating_add(1);
        }
        if let Some(tcp) = &packet.tcp {
            self.tcp_flags |= tcp.flags;
        }
    }

    pub(super) fn tell(&self, last_ns: u64) -> Way {
        Way {
            packets: self.packets,
            octets: self.octets,
            payload_octets: self.payload_octets,
            first_ns: self.first_ns,
            last_ns,
            ecn_capable: self.ecn_capable,
            ecn_marked: self.ecn_marked,
            fragments: u64::from(self.fragments),
            dscp: self.dscp,
            tcp_flags: self.tcp_flags,
        }
    }
}
