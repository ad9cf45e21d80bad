//! Which packets belong together.
//!
//! One flow has the packets both ways between two ends: addresses and, where there are, ports, of one protocol. Beside
//! these it is split by
//!
//! - the **VLAN** of the innermost frame, as the same addresses may stand in two of them, and a packet that is routed
//!   between two VLANs and mirrored in both is no retransmission;
//! - the **overlay** (IP in IP, VXLAN, Geneve, GTP, CAPWAP: kind and network), for tenants reuse addresses.
//!
//! It is not split by what brought a mirrored packet here (GRE, ERSPAN: `TunnelKind::mirrors`): the two ways of one
//! conversation may come by two sessions. Nor by the type and code of ICMP: a question and its answer are one flow. The
//! EtherType counts for what is not IP alone. A later fragment whose ports are not known has the ports 0.

use std::hash::{Hash, Hasher};

use crate::packets::{Address, Family, Network, Packet, Tunnel, TunnelKind};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const ICMP6: u8 = 58;

/// One key for both ways: the end that is less stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Key {
    addresses: [Address; 2],
    overlay_id: u32,
    ports: [u16; 2],
    ether_type: u16,
    vlan: u16,
    protocol: u8,
    family: Family,
    overlay: TunnelKind,
}

impl Key {
    /// The key, and which of its ends (0 or 1) sent the packet.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> (Self, usize) {
        let network = &packet.network;
        let ports = if is_icmp(network) {
            [0, 0]
        } else {
            [packet.source_port, packet.destination_port]
        };
        let (overlay, overlay_id) = match packet.tunnel {
            Some(Tunnel { kind, id, .. }) if !kind.mirrors() => (kind, id),
            _ => (TunnelKind::None, 0),
        };
        let source = (u128::from_be_bytes(network.source), ports[0]);
        let destination = (u128::from_be_bytes(network.destination), ports[1]);
        let sender = usize::from(source > destination);
        let mut key = Self {
            addresses: [network.source, network.destination],
            overlay_id,
            ports,
            ether_type: match network.family {
                Family::V4 | Family::V6 => 0,
                Family::Ethernet | Family::Lid => network.ether_type,
            },
            vlan: packet.vlan,
            protocol: network.protocol,
            family: network.family,
            overlay,
        };
        if sender == 1 {
            key.addresses.swap(0, 1);
            key.ports.swap(0, 1);
        }
        (key, sender)
    }

    /// The address of an end, as long as its family has it.
    pub(super) fn address(&self, end: usize) -> Vec<u8> {
        let octets = match self.family {
            Family::V4 => 4,
            Family::V6 => 16,
            Family::Ethernet => 6,
            Family::Lid => 2,
        };
        self.addresses
            .get(end)
            .and_then(|address| address.get(..octets))
            .unwrap_or_default()
            .to_vec()
    }

    pub(super) fn port(&self, end: usize) -> u16 {
        self.ports.get(end).copied().unwrap_or_default()
    }

    pub(super) fn protocol(&self) -> u8 {
        self.protocol
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    pub(super) fn vlan(&self) -> u16 {
        self.vlan
    }

    pub(super) fn is_icmp(&self) -> bool {
        matches!(self.protocol, ICMP | ICMP6)
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high] = self.addresses.map(u128::from_ne_bytes);
        let [low_port, high_port] = self.ports;
        let ends =
            (u64::from(self.overlay_id) << 32) | (u64::from(low_port) << 16) | u64::from(high_port);
        let rest = (u64::from(self.ether_type) << 40)
            | (u64::from(self.vlan) << 24)
            | (u64::from(self.protocol) << 16)
            | ((self.family as u64) << 8)
            | self.overlay as u64;
        state.write_u128(low);
        state.write_u128(high);
        state.write_u64(ends);
        state.write_u64(rest);
    }
}

fn is_icmp(network: &Network) -> bool {
    match network.family {
        Family::V4 => network.protocol == ICMP,
        Family::V6 => network.protocol == ICMP6,
        Family::Ethernet | Family::Lid => false,
    }
}

/// Which end began (0 or 1), by a flow's first packet. `sender` sent it.
///
/// - TCP: a SYN comes from who began, a SYN with ACK goes there. Otherwise the higher port is who began.
/// - ICMP: an answer goes to who began.
/// - Everything else: who sent first, unless from a port below 1024 to one above, which is an answer.
pub(super) fn source(packet: &Packet<'_>, sender: usize) -> usize {
    let receiver = 1 - sender;
    let (from, to) = (packet.source_port, packet.destination_port);
    let answers = if let Some(tcp) = &packet.tcp {
        match opening(tcp.flags) {
            Some(Opening::Syn) => false,
            Some(Opening::SynAck) => true,
            None => from < to,
        }
    } else if is_icmp(&packet.network) {
        // Echo, timestamp, information and address mask replies; echo reply of ICMPv6.
        let kind = from >> 8;
        match packet.network.protocol {
            ICMP => matches!(kind, 0 | 14 | 16 | 18),
            _ => kind == 129,
        }
    } else {
        from < 1024 && to >= 1024 && from > 0
    };
    if answers { receiver } else { sender }
}

/// How a connection opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Syn,
    SynAck,
}

/// What the flags of a TCP segment open.
pub(super) fn opening(flags: u8) -> Option<Opening> {
    const SYN_ACK_FIN_RST: u8 = SYN | ACK | FIN | RST;
    match flags & SYN_ACK_FIN_RST {
        SYN => Some(Opening::Syn),
        flags if flags == SYN | ACK => Some(Opening::SynAck),
        _ => None,
    }
}

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;
