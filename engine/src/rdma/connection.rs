//! A connection between two queue pairs, or what is seen of one: one way or both.

use crate::flows::features::FeatureState;
use crate::packets::{Packet, Rdma, Tunnel};

use super::exchanges::Facts;
use super::extended::Syndrome;
use super::headers::{Headers, Kind, Position, service};
use super::key::Key;
use super::messages::packets;
use super::piece::{Arrival, Piece};
use super::psn::ahead;
use super::way::Way;

/// The smallest payload of a full packet that there is (PMTU).
const SMALLEST_MTU: u32 = 256;
/// So many answers that fit are no accident.
const CERTAIN: u8 = 8;
/// Syndrome code: a packet before this one is missing.
const SEQUENCE_ERROR: u8 = 0;

/// How both ways were found to be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum JoinedBy {
    /// They were not, or there is but one.
    #[default]
    Nothing = 0,
    /// What one way acknowledges, the other had sent.
    SequenceNumbers = 1,
    /// Connection management said so.
    Management = 2,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its ways, in the order in which they were seen. The first is always there.
    pub ways: [Option<Way>; 2],
    /// How they were joined.
    pub joined: JoinedBy,
    /// A disconnect was seen.
    pub closing: bool,
    /// What connection management said of it.
    pub facts: Option<Box<Facts>>,
    /// First packet since the last record; 0 before there was one.
    pub start_ns: u64,
    /// Latest packet.
    pub last_ns: u64,
    /// The way that asked first; None before one did.
    pub source: Option<usize>,
    /// VLAN of the first packet.
    pub vlan: u16,
    /// EtherType of the first packet.
    pub ether_type: u16,
    /// What the first packet came through.
    pub tunnel: Option<Tunnel>,
    /// Octets of payload in a full packet; 0 while that is not known.
    pub mtu: u32,
    /// How it behaves, with the first way as forward. What a way did before it was joined to another is not in it.
    pub behaviour: FeatureState,
    /// Answers that fitted since it was joined.
    fitting: u8,
}

impl Connection {
    /// One of which nothing was seen.
    pub fn new(way: Way, time_ns: u64) -> Self {
        Self {
            ways: [Some(way), None],
            joined: JoinedBy::Nothing,
            closing: false,
            facts: None,
            start_ns: 0,
            last_ns: time_ns,
            source: None,
            vlan: 0,
            ether_type: 0,
            tunnel: None,
            mtu: 0,
            behaviour: FeatureState::default(),
            fitting: 0,
        }
    }

    /// What connection management said: the other way, the payload of a full packet, and what for.
    pub fn establish(&mut self, reverse: Way, mtu: Option<u32>, facts: Facts) {
        self.ways[1] = Some(reverse);
        self.joined = JoinedBy::Management;
        self.source = Some(0);
        self.mtu = mtu.unwrap_or(0);
        self.facts = Some(Box::new(facts));
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.ways.iter().flatten().map(|way| way.key)
    }

    /// Packets since the last record.
    pub fn packets(&self) -> u64 {
        self.ways
            .iter()
            .flatten()
            .map(|way| way.counts.packets)
            .sum()
    }

    /// Whether there is but one way.
    pub fn is_alone(&self) -> bool {
        self.ways[1].is_none()
    }

    /// The other way was found.
    pub fn join(&mut self, other: Self) {
        let [way, _] = other.ways;
        self.ways[1] = way;
        self.joined = JoinedBy::SequenceNumbers;
        self.fitting = 0;
        self.last_ns = self.last_ns.max(other.last_ns);
        if other.start_ns != 0 && other.start_ns < self.start_ns {
            self.start_ns = other.start_ns;
            if other.source.is_some() {
                self.source = Some(1);
            }
        }
        if self.mtu == 0 {
            self.mtu = other.mtu;
        }
    }

    /// The ways do not belong together after all: the second becomes a connection of its own.
    pub fn part(&mut self) -> Option<Self> {
        let way = self.ways[1].take()?;
        self.joined = JoinedBy::Nothing;
        let mut other = Self::new(way, self.last_ns);
        other.start_ns = self.start_ns;
        other.vlan = self.vlan;
        other.ether_type = self.ether_type;
        other.tunnel = self.tunnel;
        for alone in [&mut *self, &mut other] {
            alone.source = alone.ways[0].as_ref().and_then(|way| way.asks.then_some(0));
        }
        Some(other)
    }

    /// Whether way `at` answers what the other one never sent, so early that they were joined by accident.
    pub fn refutes(&self, at: usize, headers: &Headers) -> bool {
        if self.joined != JoinedBy::SequenceNumbers || self.fitting >= CERTAIN {
            return false;
        }
        let other = self.ways.get(1 - at.min(1)).and_then(Option::as_ref);
        other.is_some_and(|other| ahead(other.requests.next(), headers.acknowledged()) > 0)
    }

    /// A packet of way `at`. False when it is of another connection that has the same numbers; it is not counted then.
    #[inline]
    pub fn observe(
        &mut self,
        at: usize,
        packet: &Packet<'_>,
        rdma: &Rdma<'_>,
        headers: &Headers,
        check: bool,
    ) -> bool {
        let [first, second] = &mut self.ways;
        let (way, other) = if at == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let Some(way) = way.as_mut() else {
            return false;
        };
        if matches!(headers.position, Position::First | Position::Middle)
            && headers.payload >= SMALLEST_MTU
            && headers.payload.is_power_of_two()
        {
            self.mtu = headers.payload;
        }
        let mut piece = Piece {
            psn: headers.psn,
            span: 1,
            position: headers.position,
            resumes: headers.kind == Kind::ReadAnswer,
            length: None,
            payload: headers.payload,
            mtu: self.mtu,
            time_ns: packet.time_ns,
        };
        if way.key.service == service::UD {
            if headers.position == Position::Only {
                way.counts.tally.sizes.add(headers.payload);
                way.counts.tally.fresh_octets += u64::from(headers.payload);
            }
        } else if headers.is_request() {
            if let Some(mtu) = way.settle_read(headers.psn, self.mtu) {
                self.mtu = mtu;
                piece.mtu = mtu;
            }
            if !request(way, other.as_mut(), &mut piece, headers) {
                return false;
            }
            way.asks = true;
            self.source.get_or_insert(at);
        } else if headers.is_answer() {
            self.fitting = self.fitting.saturating_add(1);
            answer(way, other.as_mut(), &piece, headers);
        }
        if self.start_ns == 0 {
            self.start_ns = packet.time_ns;
            self.vlan = packet.vlan;
            self.ether_type = packet.network.ether_type;
            self.tunnel = packet.tunnel;
        }
        self.last_ns = self.last_ns.max(packet.time_ns);
        way.count(packet, rdma, headers, check);
        self.behaviour
            .observe(at == 0, packet.time_ns, packet.wire_octets);
        true
    }
}

/// False when the packet is of another connection.
fn request(way: &mut Way, other: Option<&mut Way>, piece: &mut Piece, headers: &Headers) -> bool {
    let length = headers.reth.map_or(0, |reth| reth.length);
    match headers.kind {
        Kind::Write => piece.length = headers.reth.map(|reth| reth.length),
        Kind::ReadRequest => piece.span = packets(length, piece.mtu),
        _ => {}
    }
    let arrival = way.requests.arrive(piece, &mut way.counts.tally);
    if headers.acknowledge {
        way.asking = piece.psn;
    }
    match (headers.kind, arrival) {
        (_, Arrival::Far) => return false,
        (Kind::ReadRequest | Kind::Atomic, Arrival::Fresh | Arrival::Late) => {
            let length = if headers.kind == Kind::Atomic {
                0
            } else {
                length
            };
            way.reads.add(piece.psn, length);
            if piece.mtu == 0 && length > SMALLEST_MTU {
                way.unsure_read = Some((piece.psn, length));
            }
        }
        (Kind::ReadRequest, Arrival::Duplicate) => {
            // What is asked for once more did not come.
            if let Some(other) = other {
                other.answers.ask(piece.psn, piece.span);
            }
        }
        _ => {}
    }
    true
}

fn answer(way: &mut Way, other: Option<&mut Way>, piece: &Piece, headers: &Headers) {
    let carries = matches!(headers.kind, Kind::ReadAnswer | Kind::AtomicAnswer);
    let Some(other) = other else {
        if carries && way.answers.arrive(piece, &mut way.counts.tally) == Arrival::Far {
            way.answers.begin(piece.psn);
            way.answers.arrive(piece, &mut way.counts.tally);
        }
        return;
    };
    if carries {
        other
            .reads
            .lead(piece, &mut way.answers, &mut way.counts.tally);
        if way.answers.arrive(piece, &mut way.counts.tally) == Arrival::Far {
            way.answers.begin(piece.psn);
            way.answers.arrive(piece, &mut way.counts.tally);
        }
        if matches!(headers.position, Position::Middle | Position::Last) {
            other.requests.is_answered(piece.psn);
        }
    }
    let tally = &mut other.counts.tally;
    match headers.aeth.map(|aeth| aeth.syndrome) {
        Some(Syndrome::Negative(SEQUENCE_ERROR)) => {
            other.requests.refuse(piece.psn, piece.mtu, tally)
        }
        _ => other
            .requests
            .acknowledge(headers.acknowledged(), piece.mtu, tally),
    }
}

#[cfg(test)]
mod tests;
