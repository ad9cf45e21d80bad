//! Fragments of IP packets: put together again within bounds, and given the ports of the first one otherwise.
//!
//! The last missing part of a packet yields the whole. Two parts that overlap without being the same, parts behind the
//! end, and parts that were not captured in full end the attempt (RFC 5722 says so for IPv6, and Linux does it for both);
//! later parts are then attributed only. Memory is bounded by numbers and octets: a flood pushes the oldest out.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::datagram::{Datagram, Fit};
use super::{Address, Family, Network, Packet, Tunnel, TunnelKind};

/// What a decoder may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderLimits {
    /// Packets whose fragments are remembered.
    pub fragmented_packets: usize,
    /// Octets of one packet.
    pub packet_octets: usize,
    /// Octets of all of them.
    pub octets: usize,
    /// How long fragments belong to one packet after its first one came; later the number is used again.
    pub age_ns: u64,
}

impl Default for DecoderLimits {
    fn default() -> Self {
        Self {
            fragmented_packets: 1024,
            packet_octets: 1 << 16,
            octets: 8 << 20,
            age_ns: 30_000_000_000,
        }
    }
}

/// What became of fragmented packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounts {
    /// Put together.
    pub reassembled: u64,
    /// Given up: parts were missing when they had to make room or were too old.
    pub incomplete: u64,
    /// Given up: parts contradict each other, are too large or too many, or were not captured in full.
    pub unusable: u64,
}

/// Whose part a fragment is. Networks that share addresses are told apart by VLAN and tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub family: Family,
    pub source: Address,
    pub destination: Address,
    /// IPv4 numbers by protocol; in IPv6 the parts' protocol need not agree, and it is 0.
    pub protocol: u8,
    pub id: u32,
    pub vlan: u16,
    pub tunnel: TunnelKind,
    pub tunnel_id: u32,
}

/// A fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub key: Key,
    /// Where it belongs, in octets.
    pub offset: usize,
    /// Whether others follow it.
    pub more: bool,
    /// What follows the IP headers of the whole, as this part says.
    pub protocol: u8,
    pub octets: &'a [u8],
    /// How many octets it had on the wire.
    pub wire: usize,
}

/// Who the parts of a packet belong to: what its first part was decoded to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub network: Network,
    pub source_port: u16,
    pub destination_port: u16,
    pub vlan: u16,
    pub priority: u8,
    /// Set when the first part had a tunnel's header in it.
    pub tunnel: Option<Tunnel>,
}

/// What a fragment is good for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Added {
    /// It completes a packet, which is in the buffer now; the protocol is the first part's.
    Whole(u8),
    /// It is one of several.
    Part(Option<Owner>),
}

/// All packets of which fragments came. They stand in a ring: the oldest makes room.
pub(super) struct Fragments {
    limits: DecoderLimits,
    places: HashMap<Key, u64, RandomState>,
    ring: Vec<Datagram>,
    /// The number of the next packet; modulo the ring's size it is its place.
    next: u64,
    /// Of all before this one the octets were let go.
    kept_from: u64,
    kept: usize,
    counts: FragmentCounts,
}

impl Fragments {
    pub fn new(limits: DecoderLimits) -> Self {
        Self {
            limits: DecoderLimits {
                fragmented_packets: limits.fragmented_packets.max(1),
                ..limits
            },
            places: HashMap::default(),
            ring: Vec::new(),
            next: 0,
            kept_from: 0,
            kept: 0,
            counts: FragmentCounts::default(),
        }
    }

    pub fn counts(&self) -> FragmentCounts {
        self.counts
    }

    /// Takes a fragment in. `whole` gets the packet that it completes. The number names the packet for `own`.
    pub fn add(&mut self, piece: &Piece<'_>, now_ns: u64, whole: &mut Vec<u8>) -> (Added, u64) {
        let number = self.find(piece, now_ns);
        let Some(datagram) = at(&mut self.ring, &self.limits, number) else {
            return (Added::Part(None), number);
        };
        if !datagram.open {
            return (Added::Part(datagram.owner), number);
        }
        let before = datagram.buffer.capacity();
        let fit = datagram.take(piece, self.limits.packet_octets);
        let owner = datagram.owner;
        match fit {
            Fit::Whole => {
                datagram.assemble(whole);
                datagram.close();
                self.counts.reassembled += 1;
            }
            Fit::Unusable => {
                datagram.close();
                self.counts.unusable += 1;
            }
            Fit::Part => {}
        }
        self.kept = self
            .kept
            .saturating_sub(before)
            .saturating_add(datagram.buffer.capacity());
        let protocol = datagram.protocol;
        self.make_room();
        match fit {
            Fit::Whole => (Added::Whole(protocol), number),
            _ => (Added::Part(owner), number),
        }
    }

    /// What the first part of packet `number` was decoded to.
    pub fn own(&mut self, number: u64, packet: &Packet<'_>, tunnel: Option<Tunnel>) {
        if let Some(datagram) = at(&mut self.ring, &self.limits, number) {
            datagram.owner = Some(Owner {
                network: packet.network,
                source_port: packet.source_port,
                destination_port: packet.destination_port,
                vlan: packet.vlan,
                priority: packet.priority,
                tunnel,
            });
        }
    }

    /// The number of the packet that a fragment belongs to, which begins with it if need be.
    fn find(&mut self, piece: &Piece<'_>, now_ns: u64) -> u64 {
        if let Some(&number) = self.places.get(&piece.key)
            && let Some(datagram) = at(&mut self.ring, &self.limits, number)
        {
            let old = now_ns.saturating_sub(datagram.began_ns) > self.limits.age_ns;
            // A first part for a packet that is settled: the sender's counter came round, or it is mirrored twice.
            let again = !datagram.open && piece.offset == 0;
            if !old && !again {
                return number;
            }
        }
        let number = self.next;
        self.next += 1;
        let datagram = Datagram::new(piece, now_ns);
        if self.ring.len() < self.limits.fragmented_packets {
            self.ring.push(datagram);
        } else if let Some(place) = at(&mut self.ring, &self.limits, number) {
            let gone = std::mem::replace(place, datagram);
            self.kept = self.kept.saturating_sub(gone.buffer.capacity());
            self.counts.incomplete += u64::from(gone.open);
            let oldest = number.saturating_sub(self.limits.fragmented_packets as u64);
            if self.places.get(&gone.key) == Some(&oldest) {
                self.places.remove(&gone.key);
            }
            self.kept_from = self.kept_from.max(oldest + 1);
        }
        self.places.insert(piece.key, number);
        number
    }

    fn make_room(&mut self) {
        while self.kept > self.limits.octets && self.kept_from < self.next {
            if let Some(datagram) = at(&mut self.ring, &self.limits, self.kept_from) {
                self.kept = self.kept.saturating_sub(datagram.buffer.capacity());
                self.counts.incomplete += u64::from(datagram.open);
                datagram.close();
            }
            self.kept_from += 1;
        }
    }
}

fn at<'a>(
    ring: &'a mut [Datagram],
    limits: &DecoderLimits,
    number: u64,
) -> Option<&'a mut Datagram> {
    let place = number % limits.fragmented_packets as u64;
    ring.get_mut(usize::try_from(place).ok()?)
}

#[cfg(test)]
mod tests;
