//! One run of sequence numbers: the requests that one end sends, or the answers to READ and ATOMIC that it sends.
//!
//! What becomes of a number that was passed over:
//! - acknowledged without having been asked for again: the receiver had it, so the mirror lost it (*unseen*);
//! - asked for by a negative acknowledgement, or of an answer by another READ of it: the fabric lost it (*lost*);
//! - seen after `REORDERING_NS` or longer without either: the sender's timer sent it again (*lost*);
//! - seen sooner: only out of order, unless the numbers behind it, which had been seen, come again as well: then the
//!   sender went back for it, and the mirror did not see the request to do so (*lost*).
//!
//! A number that was seen here and is refused with a PSN sequence error was lost between here and the receiver: it is
//! *lost* too, except when it came out of order itself.

use super::assembly::{Assembly, conclude};
use super::gaps::{Behind, Gap, Gaps};
use super::headers::Position;
use super::piece::{Arrival, Piece, Tally, Unasked};
use super::psn::{MASK, add, ahead, distance};

/// What comes late by less is taken to be out of order: no sender's timer is that short.
pub const REORDERING_NS: u64 = 1_000_000;
/// A jump by more is another connection with the same numbers.
pub const FAR: u32 = 1 << 20;
/// Nobody sends again what was acknowledged so long ago.
const OLD: u32 = 1 << 15;
/// The same after `SILENCE_NS`.
const OLD_AFTER_SILENCE: u32 = 256;
const SILENCE_NS: u64 = 1_000_000_000;
/// As far back numbers can be told from those that are to come.
const UNACKNOWLEDGED: u32 = 1 << 22;
/// An acknowledgement that is further ahead of what was seen says nothing of this stream.
const AHEAD: u32 = 1 << 16;

/// Numbers that came late without having been asked for.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    next: u32,
    count: u64,
}

/// One run of sequence numbers.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Nothing acknowledges it and nothing is sent again: what is passed over and does not come is lost, although
    /// whether the fabric or the mirror lost it cannot be told.
    unreliable: bool,
    started: bool,
    next: u32,
    sent: u32,
    acknowledged: u32,
    time_ns: u64,
    gaps: Gaps,
    assembly: Assembly,
    suspect: Option<Suspect>,
    /// The last number that came late, and the last one that was refused although it had been seen.
    late: Option<u32>,
    refused: Option<u32>,
}

impl Stream {
    /// One of which nothing was seen.
    pub fn of(unreliable: bool) -> Self {
        Self {
            unreliable,
            ..Self::default()
        }
    }

    /// The number that comes next.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// How many numbers ago `psn` was sent; None when it was not, as far as was seen.
    pub fn age(&self, psn: u32) -> Option<u32> {
        let age = distance(psn, self.next);
        (self.started && age > 0 && age.unsigned_abs() <= self.sent).then_some(age.unsigned_abs())
    }

    /// It is known that `psn` comes next.
    pub fn begin(&mut self, psn: u32) {
        *self = Self {
            started: true,
            next: psn,
            acknowledged: psn,
            unreliable: self.unreliable,
            ..Self::default()
        };
    }

    /// Nothing up to `psn` is part of the stream.
    pub fn skip_to(&mut self, psn: u32) {
        if !self.started {
            self.begin(psn);
        } else if distance(self.next, psn) > 0 {
            self.next = psn;
            self.assembly.interrupt();
        }
    }

    /// Everything up to `end` is part of it, and was not seen.
    pub fn miss_to(&mut self, end: u32, time_ns: u64, mtu: u32, tally: &mut Tally) {
        let count = ahead(self.next, end);
        if self.started && (1..FAR).contains(&count) {
            self.pass_over(count, Behind::Boundary, (time_ns, mtu), tally);
            self.next = end;
            self.assembly.interrupt();
        }
    }

    /// A packet came.
    #[inline]
    pub fn arrive(&mut self, piece: &Piece, tally: &mut Tally) -> Arrival {
        if !self.started {
            self.begin(piece.psn);
        }
        let offset = distance(self.next, piece.psn);
        if offset.unsigned_abs() >= FAR || (offset < 0 && self.is_old(piece)) {
            return Arrival::Far;
        }
        self.time_ns = piece.time_ns;
        if offset >= 0 {
            if offset > 0 {
                let behind = match piece.position {
                    Position::Middle | Position::Last => Behind::Inside,
                    _ => Behind::Boundary,
                };
                let at = (piece.time_ns, piece.mtu);
                self.pass_over(offset.unsigned_abs(), behind, at, tally);
            }
            let before = self.next;
            self.next = add(piece.psn, piece.span);
            self.sent = self.sent.saturating_add(ahead(before, self.next));
            self.suspect = None;
            if self.refused == Some(piece.psn) {
                self.refused = None;
            }
            if ahead(self.acknowledged, self.next) > UNACKNOWLEDGED {
                self.acknowledged = add(self.next, MASK - UNACKNOWLEDGED);
            }
            tally.fresh_octets += u64::from(piece.payload);
            self.assembly
                .arrive(piece, &mut self.gaps, &mut tally.sizes);
            return Arrival::Fresh;
        }
        match self.gaps.position(piece.psn) {
            Some(at) => {
                self.fill(at, piece, tally);
                if self.refused == Some(piece.psn) {
                    self.refused = None;
                }
                tally.fresh_octets += u64::from(piece.payload);
                Arrival::Late
            }
            None => {
                if let Some(suspect) = self.suspect.take_if(|suspect| suspect.next == piece.psn) {
                    tally.lost += suspect.count;
                }
                if self.refused == Some(piece.psn) {
                    self.refused = None;
                }
                tally.duplicates += 1;
                tally.repeated_octets += u64::from(piece.payload);
                Arrival::Duplicate
            }
        }
    }

    /// The other end has everything before `psn`.
    #[inline]
    pub fn acknowledge(&mut self, psn: u32, mtu: u32, tally: &mut Tally) {
        if !self.started {
            return;
        }
        let ahead = distance(self.next, psn);
        if ahead > 0 {
            let ahead = ahead.unsigned_abs();
            if ahead > AHEAD {
                return;
            }
            // The packets at the end were not seen. Which message goes on is not known any more, only supposed.
            tally.unseen += u64::from(ahead);
            self.sent = self.sent.saturating_add(ahead);
            self.next = psn;
        }
        if distance(self.acknowledged, psn) > 0 {
            self.acknowledged = psn;
        }
        if !self.gaps.is_empty() {
            while let Some(gap) = self.gaps.take_before(psn) {
                settle(&gap, mtu, tally);
            }
            if self.gaps.is_empty() {
                self.assembly.settled();
            }
        }
    }

    /// The other end has everything before `psn`, and asks for the rest again.
    pub fn refuse(&mut self, psn: u32, mtu: u32, tally: &mut Tally) {
        self.acknowledge(psn, mtu, tally);
        if !self.started || distance(psn, self.next) < 0 || self.refused == Some(psn) {
            return;
        }
        self.refused = Some(psn);
        if self.gaps.position(psn).is_some() {
            self.gaps.ask(psn, ahead(psn, self.next));
        } else if self.late != Some(psn) {
            tally.lost += 1;
        }
    }

    /// Part of it is asked for again.
    pub fn ask(&mut self, first: u32, count: u32) {
        if self.started && !self.gaps.is_empty() {
            self.gaps.ask(first, count);
        }
    }

    /// That number belongs to the inside of an answer, so no request with it is missing.
    pub fn is_answered(&mut self, psn: u32) {
        if !self.started {
            return;
        }
        if distance(self.next, psn) >= 0 {
            self.skip_to(add(psn, 1));
        } else if !self.gaps.is_empty() {
            self.gaps.forget(psn);
        }
    }

    /// It is over: `unasked` says what became of the gaps of which nothing is known.
    pub fn close(&mut self, unasked: Unasked, mtu: u32, tally: &mut Tally) {
        while let Some(gap) = self.gaps.take() {
            match unasked {
                Unasked::Unknown if !gap.asked => continue,
                Unasked::Unknown | Unasked::Unseen => {}
            }
            settle(&gap, mtu, tally);
        }
    }

    fn is_old(&self, piece: &Piece) -> bool {
        let age = ahead(piece.psn, self.acknowledged);
        age > OLD
            || (age > OLD_AFTER_SILENCE && piece.time_ns.saturating_sub(self.time_ns) >= SILENCE_NS)
    }

    fn pass_over(&mut self, count: u32, behind: Behind, piece: (u64, u32), tally: &mut Tally) {
        let (time_ns, mtu) = piece;
        let gap = Gap {
            first: self.next,
            count,
            asked: self.unreliable,
            time_ns,
            message: self.assembly.pass_over(self.next, behind),
            behind,
        };
        if let Some(oldest) = self.gaps.push(gap) {
            settle(&oldest, mtu, tally);
        }
    }

    /// A packet came that had been passed over.
    fn fill(&mut self, at: usize, piece: &Piece, tally: &mut Tally) {
        let Some(gap) = self.gaps.get(at) else { return };
        let waited = piece.time_ns.saturating_sub(gap.time_ns);
        if self.unreliable {
            // Only out of order: nobody sends it again.
        } else if gap.asked || waited >= REORDERING_NS {
            tally.lost += 1;
        } else {
            let before = self.suspect.filter(|suspect| suspect.next == piece.psn);
            self.suspect = Some(Suspect {
                next: add(piece.psn, 1),
                count: before.map_or(1, |suspect| suspect.count + 1),
            });
            self.late = Some(piece.psn);
        }
        let newest = self.gaps.is_newest(at);
        let (before, rest) = self.assembly.fill(gap, newest, piece, &mut tally.sizes);
        self.gaps.replace(at, before, rest);
    }
}

/// Nothing of that gap will come any more.
fn settle(gap: &Gap, mtu: u32, tally: &mut Tally) {
    if gap.asked {
        tally.lost += u64::from(gap.count);
    } else {
        tally.unseen += u64::from(gap.count);
    }
    conclude(gap, mtu, &mut tally.sizes);
}

#[cfg(test)]
mod tests;
