//! What is followed of a TCP connection, from the middle of the path.
//!
//! Per way, with sequence numbers compared modulo 2^32:
//!
//! - The highest sequence number that was seen is the *edge*. A segment that begins beyond it leaves a hole; the last
//!   four are known, with the time at which they were seen.
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

mod side;

use side::Side;

use super::key::{ACK, FIN, Opening, RST, SYN, opening};
use super::record::{Tcp, TcpWay};
use crate::packets::TcpHeader;

const USUAL_ROUND_TRIP_NS: u64 = 3_000_000;

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

#[cfg(test)]
mod tests;
