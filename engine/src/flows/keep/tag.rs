//! A number for a flow, the same from its packets and from its record.
//!
//! The seed is chosen anew for each meter: nobody can send packets that are taken for those of another flow.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

use crate::flows::key::{ICMP, ICMP6};
use crate::flows::record::FlowKey;
use crate::packets::{Address, Family, Packet, Tunnel, TunnelKind};

#[derive(Debug, Default)]
pub(super) struct Tags(RandomState);

/// What the tag of a packet that is no RDMA is made of; both ways are alike.
#[derive(Hash)]
struct Plain {
    ends: [(Address, u16); 2],
    length: usize,
    protocol: u8,
    ether_type: u16,
    vlan: u16,
    overlay: (u8, u32),
}

/// The same of RDMA: one way, as packets name the destination's queue pair alone.
#[derive(Hash)]
struct Queue {
    source: Address,
    destination: Address,
    length: usize,
    overlay: (u8, u32),
    queue_pair: u32,
}

const QUEUE_PAIR: std::ops::Range<usize> = 5..8;

impl Tags {
    /// Of a packet; not 0.
    pub(super) fn of(&self, packet: &Packet<'_>) -> u64 {
        let network = &packet.network;
        let length = match network.family {
            Family::V4 => 4,
            Family::V6 => 16,
            Family::Ethernet => 6,
            Family::Lid => 2,
        };
        let overlay = match packet.tunnel {
            Some(Tunnel { kind, id, .. }) => overlay(kind as u8, id),
            None => NO_OVERLAY,
        };
        if let Some(rdma) = &packet.rdma {
            let queue_pair = rdma.transport.get(QUEUE_PAIR).unwrap_or_default();
            return self.tag(&Queue {
                source: network.source,
                destination: network.destination,
                length,
                overlay,
                queue_pair: queue_pair
                    .iter()
                    .fold(0, |number, &octet| number << 8 | u32::from(octet)),
            });
        }
        self.plain(Plain {
            ends: [
                (network.source, packet.source_port),
                (network.destination, packet.destination_port),
            ],
            length,
            protocol: network.protocol,
            ether_type: network.ether_type,
            vlan: packet.vlan,
            overlay,
        })
    }

    /// Those that packets of a record's flow have: one, or with RDMA one for each way that is known.
    pub(super) fn of_key(&self, key: &FlowKey) -> [Option<u64>; 2] {
        let (source, destination) = (address(&key.source), address(&key.destination));
        let length = key.source.len();
        let overlay = overlay(key.tunnel, key.tunnel_id);
        if key.source_queue_pair == 0 && key.destination_queue_pair == 0 {
            let plain = self.plain(Plain {
                ends: [
                    (source, key.source_port),
                    (destination, key.destination_port),
                ],
                length,
                protocol: key.protocol,
                ether_type: key.ether_type,
                vlan: key.vlan,
                overlay,
            });
            return [Some(plain), None];
        }
        let way = |source, destination, queue_pair| {
            (queue_pair != 0).then(|| {
                self.tag(&Queue {
                    source,
                    destination,
                    length,
                    overlay,
                    queue_pair,
                })
            })
        };
        [
            way(source, destination, key.destination_queue_pair),
            way(destination, source, key.source_queue_pair),
        ]
    }

    /// What the flow table does not split by is left out (`flows::key`).
    fn plain(&self, mut plain: Plain) -> u64 {
        if matches!(plain.length, 4 | 16) {
            plain.ether_type = 0;
            if matches!(plain.protocol, ICMP | ICMP6) {
                plain.ends.iter_mut().for_each(|(_, port)| *port = 0);
            }
        }
        plain.ends.sort_unstable();
        self.tag(&plain)
    }

    fn tag(&self, what: &impl Hash) -> u64 {
        self.0.hash_one(what).max(1)
    }
}

const NO_OVERLAY: (u8, u32) = (TunnelKind::None as u8, 0);

/// A tunnel by its number and network; none for what merely brought the packet here.
fn overlay(kind: u8, id: u32) -> (u8, u32) {
    const MIRRORS: [TunnelKind; 4] = [
        TunnelKind::Gre,
        TunnelKind::Erspan1,
        TunnelKind::Erspan2,
        TunnelKind::Erspan3,
    ];
    if MIRRORS.into_iter().any(|mirror| mirror as u8 == kind) {
        NO_OVERLAY
    } else {
        (kind, id)
    }
}

fn address(octets: &[u8]) -> Address {
    let mut address = Address::default();
    for (place, &octet) in address.iter_mut().zip(octets) {
        *place = octet;
    }
    address
}
