//! What a packet says of where it belongs: its addresses and its destination queue pair, half a connection.

use std::hash::{Hash, Hasher};

use crate::packets::{Address, Family, Packet, Rdma, RdmaLink, TunnelKind};

use super::headers::{Headers, service};

/// Who sends to whom, inside which overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    source: u128,
    destination: u128,
    /// Family of the addresses, and number of the overlay network (VXLAN, Geneve).
    place: u64,
}

impl Pair {
    /// Of a packet. How the mirror sends it and its VLAN are not part of it: they may differ between both ways.
    pub fn of(packet: &Packet<'_>, rdma: &Rdma<'_>) -> Self {
        let overlay = match packet.tunnel {
            Some(tunnel) if matches!(tunnel.kind, TunnelKind::Vxlan | TunnelKind::Geneve) => {
                u64::from(tunnel.id) << 8 | tunnel.kind as u64
            }
            _ => 0,
        };
        let family = match packet.network.family {
            Family::Ethernet => 0,
            Family::V4 => 1,
            Family::V6 => 2,
            Family::Lid => 3,
        };
        Self {
            source: u128::from_be_bytes(packet.network.source),
            destination: u128::from_be_bytes(packet.network.destination),
            place: overlay << 16 | family << 8 | rdma.link as u64,
        }
    }

    /// The other way.
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ..self
        }
    }

    /// What carries it.
    pub fn link(self) -> RdmaLink {
        match self.place & 0xff {
            0 => RdmaLink::Rocev2,
            1 => RdmaLink::Rocev1,
            _ => RdmaLink::Infiniband,
        }
    }

    /// The sender's address, as long as its family's are.
    pub fn source(self) -> Vec<u8> {
        self.address(self.source.to_be_bytes())
    }

    /// The receiver's.
    pub fn destination(self) -> Vec<u8> {
        self.address(self.destination.to_be_bytes())
    }

    fn address(self, address: Address) -> Vec<u8> {
        let length = match self.place >> 8 & 0xff {
            0 => 6,
            1 => 4,
            2 => 16,
            _ => 2,
        };
        address.iter().take(length).copied().collect()
    }
}

impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.source);
        state.write_u128(self.destination);
        state.write_u64(self.place);
    }
}

/// One way of a connection, or all of a datagram's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Who to whom.
    pub pair: Pair,
    /// The destination queue pair. For RD it is the end-to-end context, which sequence numbers belong to there.
    pub qp: u32,
    /// The sender's queue pair, of UD alone: what is acknowledged does not name it.
    pub source_qp: u32,
    /// Transport service.
    pub service: u8,
}

impl Key {
    /// Of a packet.
    pub fn of(pair: Pair, headers: &Headers) -> Self {
        let service = headers.service();
        Self {
            pair,
            qp: match headers.context {
                Some(context) if service == service::RD => context,
                _ => headers.destination_qp,
            },
            source_qp: match headers.source_qp {
                Some(qp) if service == service::UD => qp,
                _ => 0,
            },
            service,
        }
    }

    /// Of a connection's way.
    pub fn connected(pair: Pair, qp: u32, service: u8) -> Self {
        Self {
            pair,
            qp,
            source_qp: 0,
            service,
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pair.hash(state);
        state.write_u64(
            u64::from(self.qp) | u64::from(self.source_qp) << 24 | u64::from(self.service) << 48,
        );
    }
}
