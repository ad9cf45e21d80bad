//! Packets for tests.

use super::key::TCP;
use crate::packets::{Family, Fragment, Network, Packet, TcpHeader, Tunnel, TunnelKind};

pub(super) const MS: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000 * MS;
pub(super) const START: u64 = 1_700_000_000 * SECOND;
pub(super) const UDP: u8 = 17;

/// 10.0.0.n over UDP, 100 octets, 50 of them payload.
pub(super) fn udp(time_ns: u64, from: (u8, u16), to: (u8, u16)) -> Packet<'static> {
    let address = |host: u8| {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[10, 0, 0, host]);
        address
    };
    Packet {
        time_ns,
        wire_octets: 100,
        vlan: 0,
        priority: 0,
        tunnel: None,
        mirror: None,
        network: Network {
            family: Family::V4,
            source: address(from.0),
            destination: address(to.0),
            protocol: UDP,
            ether_type: 0x0800,
            hops: 64,
            dscp: 10,
            ecn: 0,
            fragment: Fragment::Whole,
        },
        source_port: from.1,
        destination_port: to.1,
        tcp: None,
        rdma: None,
        payload: &[],
        payload_octets: 50,
    }
}

/// The same over TCP.
pub(super) fn tcp(
    time_ns: u64,
    from: (u8, u16),
    to: (u8, u16),
    flags: u8,
    sequence: u32,
) -> Packet<'static> {
    let mut packet = udp(time_ns, from, to);
    packet.network.protocol = TCP;
    packet.payload_octets = 0;
    packet.tcp = Some(TcpHeader {
        sequence,
        acknowledgement: 1,
        flags,
        window: 100,
    });
    packet
}

/// Through a tunnel from 1.1.1.1 to 2.2.2.2.
pub(super) fn through(kind: TunnelKind, id: u32, sequence: Option<u32>) -> Option<Tunnel> {
    Some(Tunnel {
        kind,
        id,
        egress: None,
        sequence,
        source: [1; 16],
        destination: [2; 16],
    })
}
