//! What is followed of a TCP connection, from the middle of the path.
//!
//! Per way, with sequence numbers compared modulo 2^32:
//!
//! - The highest sequence number that was seen is the *edge*. A segment that begins beyond it leaves a hole; the last
//!   `HOLES` are known, with the time at which they were seen.
//! - A segment with payload, SYN or FIN that begins below the edge and touches no hole was seen before: a **retransmission**.
//!   Its octets are those of the payload below the edge.
//! - One that touches a hole was not seen before. If it comes sooner after the hole than one round trip, nobody can have
//!   asked for it: **out of order**. Later it was sent again, for what was lost was lost before the mirror:
//!   a **retransmission**. The round trip is the handshake's, or else the least of both ways added; 3 ms if unknown.
//! - A segment of at most one octet just below the edge is a keep-alive, and counts as neither.
//! - A step of 2^30 or more is no step: the edge is set anew.
//! - **Round trips** are taken from payload that moves the edge to the first acknowledgement of all of it, one at a time,
//!   and not at all when something was retransmitted in between (Karn).
//! - **Duplicate acknowledgement**: nothing but ACK at the edge, with number and window of the one before it, while the
//!   other way has data that is not acknowledged.
//! - **Zero window**: window 0 without SYN, FIN and RST.

use super::key::{ACK, FIN, Opening, RST, SYN, opening};
use super::record::{Tcp, TcpWay, Times};
use crate::packets::TcpHeader;

const HOLES: usize = 4;
const STEP: i32 = 1 << 30;
const USUAL_ROUND_TRIP_NS: u64 = 3_000_000;

/// Sequence numbers that were passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Hole {
    start: u32,
    end: u32,
    seen_ns: u64,
}

/// One way.
#[derive(Clone, Debug, Default)]
struct Side {
    counts: TcpWay,
    holes: [Hole; HOLES],
    /// Payload up to this number was sent at `timed_ns`, and waits for its acknowledgement.
    timed_ns: u64,
    timed_end: u32,
    edge: u32,
    first: u32,
    acknowledged: u32,
    window: u16,
    begun: bool,
    opened: bool,
    acknowledges: bool,
    timed: bool,
}

/// How a segment stands to what was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    Seen,
    Hole(u64),
    KeepAlive,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Open,
    Finished,
    Reset,
}

/// A connection; ends are numbered as in its key.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    sides: [Side; 2],
    syn_ns: u64,
    handshake_ns: u64,
    /// The end whose SYN was seen, while its handshake goes on.
    opener: Option<u8>,
    answered: bool,
    finished: [bool; 2],
    reset: bool,
}

impl Connection {
    /// A segment that end `from` sent, with that much payload on the wire.
    pub(super) fn observe(&mut self, from: usize, tcp: &TcpHeader, octets: u32, time_ns: u64) {
        self.open(from, tcp, time_ns);
        let round_trip = self.round_trip_ns();
        let [low, high] = &mut self.sides;
        let (side, other) = if from == 0 { (low, high) } else { (high, low) };
        if tcp.flags & RST != 0 {
            side.counts.resets += 1;
            self.reset = true;
            return;
        }
        if tcp.flags & FIN != 0 {
            self.finished[from & 1] = true;
        }
        if tcp.window == 0 && tcp.flags & (SYN | FIN) == 0 {
            side.counts.zero_windows += 1;
        }
        if tcp.flags & ACK != 0 {
            side.acknowledge(other, tcp, octets, time_ns);
        }
        side.send(tcp, octets, time_ns, round_trip);
    }

    pub(super) fn end(&self) -> End {
        match (self.reset, self.finished) {
            (true, _) => End::Reset,
            (false, [true, true]) => End::Finished,
            _ => End::Open,
        }
    }

    /// Whether this SYN of end `from` is not the one that was seen.
    pub(super) fn is_other_opening(&self, from: usize, tcp: &TcpHeader) -> bool {
        match self.sides.get(from) {
            Some(side) => !side.opened || side.first != tcp.sequence,
            None => false,
        }
    }

    /// The number of the first octet that end `from` sent, when its SYN was seen.
    pub(super) fn begins(&self, from: usize) -> Option<u32> {
        let side = self.sides.get(from)?;
        side.opened.then(|| side.first.wrapping_add(1))
    }

    /// What it comes to, told from end `source`.
    pub(super) fn tell(&self, source: usize) -> Tcp {
        let [low, high] = &self.sides;
        let (forward, reverse) = if source == 0 {
            (low, high)
        } else {
            (high, low)
        };
        Tcp {
            handshake_ns: self.handshake_ns,
            forward: forward.counts.clone(),
            reverse: reverse.counts.clone(),
        }
    }

    /// Count anew. What is known of sequence numbers stays.
    pub(super) fn begin_record(&mut self) {
        for side in &mut self.sides {
            side.counts = TcpWay::default();
        }
    }

    /// SYN, SYN+ACK, ACK. A SYN that is sent again is the one that the time is taken from.
    fn open(&mut self, from: usize, tcp: &TcpHeader, time_ns: u64) {
        let opened_by = self.opener.map(usize::from);
        match opening(tcp.flags) {
            Some(Opening::Syn) if opened_by.is_none_or(|opener| opener == from) => {
                self.opener = Some((from & 1) as u8);
                self.syn_ns = time_ns;
            }
            Some(Opening::SynAck) => {
                self.answered |= opened_by.is_some_and(|opener| opener != from);
            }
            None if self.answered
                && self.handshake_ns == 0
                && opened_by == Some(from)
                && tcp.flags & (ACK | RST) == ACK =>
            {
                self.handshake_ns = time_ns.saturating_sub(self.syn_ns);
                self.answered = false;
            }
            _ => {}
        }
    }

    fn round_trip_ns(&self) -> u64 {
        let [low, high] = self.sides.each_ref().map(|side| &side.counts.round_trips);
        match (self.handshake_ns, low.count, high.count) {
            (0, 0, _) | (0, _, 0) => USUAL_ROUND_TRIP_NS,
            (0, _, _) => low.min_ns.saturating_add(high.min_ns),
            (handshake, _, _) => handshake,
        }
    }
}

impl Side {
    /// What this way says of the other one's data.
    fn acknowledge(&mut self, other: &mut Self, tcp: &TcpHeader, octets: u32, time_ns: u64) {
        let number = tcp.acknowledgement;
        if other.timed && distance(other.timed_end, number) >= 0 {
            other.timed = false;
            if let Some(time) = time_ns.checked_sub(other.timed_ns) {
                take_time(&mut other.counts.round_trips, time);
            }
        }
        let bare = octets == 0 && tcp.flags & (SYN | FIN) == 0;
        if bare
            && self.acknowledges
            && self.acknowledged == number
            && self.window == tcp.window
            && self.edge == tcp.sequence
            && other.begun
            && distance(number, other.edge) > 0
        {
            self.counts.duplicate_acknowledgements += 1;
        }
        self.acknowledges = true;
        self.acknowledged = number;
        self.window = tcp.window;
    }

    /// What this way sends.
    fn send(&mut self, tcp: &TcpHeader, octets: u32, time_ns: u64, round_trip_ns: u64) {
        let syn = tcp.flags & SYN != 0;
        let length = octets
            .saturating_add(u32::from(syn))
            .saturating_add(u32::from(tcp.flags & FIN != 0));
        if !self.begun {
            self.begun = true;
            self.edge = tcp.sequence;
        }
        if syn && !self.opened {
            self.opened = true;
            self.first = tcp.sequence;
        }
        let ahead = distance(self.edge, tcp.sequence);
        if !(-STEP..STEP).contains(&ahead) {
            self.edge = tcp.sequence;
            self.holes = Default::default();
            self.timed = false;
        }
        if length == 0 {
            return;
        }
        let end = tcp.sequence.wrapping_add(length);
        match self.place(tcp.sequence, end, length) {
            Place::KeepAlive => {}
            Place::Next => self.advance(tcp.sequence, end, octets, time_ns),
            Place::Hole(seen_ns) if time_ns.saturating_sub(seen_ns) < round_trip_ns => {
                self.counts.out_of_order += 1;
            }
            Place::Hole(_) => self.repeat(octets),
            // The part below the edge is what was seen.
            Place::Seen => self.repeat(octets.min(self.edge.wrapping_sub(tcp.sequence))),
        }
        if distance(self.edge, end) > 0 {
            self.edge = end;
        }
    }

    fn place(&mut self, start: u32, end: u32, length: u32) -> Place {
        let ahead = distance(self.edge, start);
        if ahead >= 0 {
            return Place::Next;
        }
        if ahead == -1 && length == 1 {
            return Place::KeepAlive;
        }
        for hole in &mut self.holes {
            let open = hole.start != hole.end;
            if open && distance(start, hole.end) > 0 && distance(hole.start, end) > 0 {
                let seen_ns = hole.seen_ns;
                // What is left is before the segment or behind it; of both, the one behind comes next.
                if distance(end, hole.end) > 0 {
                    hole.start = end;
                } else if distance(hole.start, start) > 0 {
                    hole.end = start;
                } else {
                    *hole = Hole::default();
                }
                return Place::Hole(seen_ns);
            }
        }
        Place::Seen
    }

    fn advance(&mut self, start: u32, end: u32, octets: u32, time_ns: u64) {
        if self.edge != start {
            self.holes.rotate_right(1);
            self.holes[0] = Hole {
                start: self.edge,
                end: start,
                seen_ns: time_ns,
            };
        }
        self.edge = end;
        if octets > 0 && !self.timed {
            self.timed = true;
            self.timed_end = end;
            self.timed_ns = time_ns;
        }
    }

    fn repeat(&mut self, octets: u32) {
        self.counts.retransmissions += 1;
        self.counts.retransmitted_octets = self
            .counts
            .retransmitted_octets
            .saturating_add(u64::from(octets));
        self.timed = false;
    }
}

/// How far `to` is ahead of `from`, modulo 2^32.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

fn take_time(times: &mut Times, time_ns: u64) {
    times.min_ns = if times.count == 0 {
        time_ns
    } else {
        times.min_ns.min(time_ns)
    };
    times.count = times.count.saturating_add(1);
    times.sum_ns = times.sum_ns.saturating_add(time_ns);
    times.max_ns = times.max_ns.max(time_ns);
}

#[cfg(test)]
mod tests;
