//! One way of a TCP connection: what it sends, and what it acknowledges.

use crate::flows::key::{FIN, SYN};
use crate::flows::record::{TcpWay, Times};
use crate::packets::TcpHeader;

const HOLES: usize = 4;
const STEP: i32 = 1 << 30;

/// Sequence numbers that were passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Hole {
    start: u32,
    end: u32,
    seen_ns: u64,
}

/// One way.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub(super) counts: TcpWay,
    holes: [Hole; HOLES],
    /// Payload up to this number was sent at `timed_ns`, and waits for its acknowledgement.
    timed_ns: u64,
    timed_end: u32,
    edge: u32,
    pub(super) first: u32,
    acknowledged: u32,
    window: u16,
    begun: bool,
    pub(super) opened: bool,
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

impl Side {
    /// What this way says of the other one's data.
    pub(super) fn acknowledge(
        &mut self,
        other: &mut Self,
        tcp: &TcpHeader,
        octets: u32,
        time_ns: u64,
    ) {
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
    pub(super) fn send(&mut self, tcp: &TcpHeader, octets: u32, time_ns: u64, round_trip_ns: u64) {
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
    to.wrapping_sub(from) as i32
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
