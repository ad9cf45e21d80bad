//! Sequence numbers that were passed over, until it is known what became of them.

use super::messages::Open;
use super::psn::{add, ahead, distance};

/// More open gaps than that are not followed: what is known of the oldest is then taken as all that will be.
pub const MAX_GAPS: usize = 32;

/// What came right behind a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A packet that begins a message, so what went on before the gap has ended in it.
    Boundary,
    /// The inside of a message, which still goes on.
    Inside,
    /// The inside of a message, which has ended since: its last packet and the octets of payload in that.
    Ended(u32, u32),
}

/// Sequence numbers that were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// They were asked for again.
    pub asked: bool,
    /// When they were passed over.
    pub time_ns: u64,
    /// The message that was going on, or is supposed to begin here.
    pub message: Open,
    /// What came behind.
    pub behind: Behind,
}

impl Gap {
    /// The sequence number behind it.
    pub fn end(&self) -> u32 {
        add(self.first, self.count)
    }

    /// Whether that number is in it.
    pub fn contains(&self, psn: u32) -> bool {
        let at = distance(self.first, psn);
        at >= 0 && at.unsigned_abs() < self.count
    }
}

/// Open gaps, oldest first. Takes memory with the first of them.
#[derive(Clone, Debug, Default)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one; gives back the oldest when there are too many.
    pub fn push(&mut self, gap: Gap) -> Option<Gap> {
        let oldest = (self.0.len() >= MAX_GAPS).then(|| self.0.remove(0));
        self.0.push(gap);
        oldest
    }

    /// The newest.
    pub fn newest(&mut self) -> Option<&mut Gap> {
        self.0.last_mut()
    }

    /// Which of them `psn` is in.
    pub fn position(&self, psn: u32) -> Option<usize> {
        self.0.iter().position(|gap| gap.contains(psn))
    }

    /// The nth.
    pub fn get(&self, at: usize) -> Option<Gap> {
        self.0.get(at).copied()
    }

    /// Whether the nth is the newest.
    pub fn is_newest(&self, at: usize) -> bool {
        at + 1 == self.0.len()
    }

    /// Puts what is left of the nth in its place: before and behind what came of it.
    pub fn replace(&mut self, at: usize, before: Option<Gap>, behind: Option<Gap>) {
        if at < self.0.len() {
            self.0.splice(at..=at, before.into_iter().chain(behind));
        }
    }

    /// Takes out the oldest gap that begins before `psn`, cut off there.
    pub fn take_before(&mut self, psn: u32) -> Option<Gap> {
        let oldest = self.0.first_mut()?;
        let count = ahead(oldest.first, psn);
        if count == 0 {
            return None;
        }
        if count >= oldest.count {
            return Some(self.0.remove(0));
        }
        let mut cut = *oldest;
        cut.count = count;
        cut.behind = Behind::Inside;
        oldest.first = psn;
        oldest.count -= count;
        Some(cut)
    }

    /// Takes out the oldest.
    pub fn take(&mut self) -> Option<Gap> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Says of all that touch `count` numbers from `first` on that they were asked for; how many numbers those are.
    pub fn ask(&mut self, first: u32, count: u32) -> u32 {
        let end = add(first, count);
        let mut asked = 0u32;
        for gap in &mut self.0 {
            if distance(gap.first, end) > 0 && distance(first, gap.end()) > 0 {
                gap.asked = true;
                asked = asked.saturating_add(gap.count);
            }
        }
        asked
    }

    /// Takes one number out.
    pub fn forget(&mut self, psn: u32) {
        if let Some(at) = self.position(psn)
            && let Some(gap) = self.get(at)
        {
            let before = ahead(gap.first, psn);
            let rest = Gap {
                first: add(psn, 1),
                count: gap.count.saturating_sub(before + 1),
                ..gap
            };
            let before = Gap {
                count: before,
                behind: Behind::Inside,
                ..gap
            };
            self.replace(
                at,
                (before.count > 0).then_some(before),
                (rest.count > 0).then_some(rest),
            );
        }
    }
}
