//! Which two ways are one connection, when connection management was not seen.
//!
//! A packet names its destination queue pair alone. But an answer has a sequence number of the other end's requests. A
//! way that answers is joined with a way between the same two addresses that asks, waits to be joined, has the same
//! service, and sent that number within its last 65,536. When several did:
//!
//! 1. one alone whose UDP source port is the one that Linux makes out of both queue pair numbers wins;
//! 2. otherwise it is waited for an answer that only one fits, since the right one fits all of them;
//! 3. after `MAX_DOUBTS` answers it is the one whose last request for an acknowledgement has this number, and of several
//!    of those the one that began first, since answers come in the order of requests.
//!
//! When one of the first answers after that fits nothing that was sent, the ways are parted again.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::key::Pair;
use super::psn::MASK;
use super::way::Way;

/// Answers with more than one way that fits.
const MAX_DOUBTS: u8 = 8;
/// Ways of a pair of addresses that are looked at, the latest first.
pub const MAX_LOOKED_AT: usize = 256;
/// How far back an answer may reach.
const MAX_AGE: u32 = 1 << 16;
/// Answers that are tried one by one; after that every one whose count is a power of two.
const MAX_TRIES: u32 = 64;

/// Ways that ask and wait to be joined, by their addresses.
#[derive(Debug, Default)]
pub struct Waiting(HashMap<Pair, Vec<u32>, RandomState>);

impl Waiting {
    /// The way alone in `slot` begins to wait. Where it stands.
    pub fn add(&mut self, pair: Pair, slot: u32) -> usize {
        let slots = self.0.entry(pair).or_default();
        slots.push(slot);
        slots.len() - 1
    }

    /// What stood at `at` waits no more. Which slot stands there now, when another has moved there.
    pub fn remove(&mut self, pair: Pair, at: usize) -> Option<u32> {
        let slots = self.0.get_mut(&pair)?;
        if at < slots.len() {
            slots.swap_remove(at);
        }
        let moved = slots.get(at).copied();
        if slots.is_empty() {
            self.0.remove(&pair);
        }
        moved
    }

    /// Those between these addresses.
    pub fn of(&self, pair: Pair) -> &[u32] {
        self.0.get(&pair).map_or(&[], Vec::as_slice)
    }
}

/// Whether this answer of a way that is alone shall be tried.
pub fn worth_trying(way: &mut Way) -> bool {
    way.tries = way.tries.saturating_add(1);
    way.tries <= MAX_TRIES || way.tries.is_power_of_two()
}

/// The UDP source port that Linux gives a connection without a flow label of its own (`rdma_get_udp_sport`).
pub fn linux_source_port(one: u32, other: u32) -> u16 {
    let mut hash = u64::from(one) * u64::from(other);
    hash ^= hash >> 20;
    hash ^= hash >> 40;
    let label = (hash & 0xf_ffff) as u32;
    ((label & 0x3fff) ^ (label >> 14) | 0xc000) as u16
}

/// What is known after all candidates.
#[derive(Debug, Default)]
pub struct Choice {
    fitting: u32,
    by_port: u32,
    best: Option<(Rank, u32)>,
}

/// Greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    port: bool,
    asked: bool,
    earlier: std::cmp::Reverse<u64>,
}

impl Choice {
    /// Whether `candidate`, in `slot` since `start_ns`, may have asked for what `answering` answers with `psn`.
    pub fn consider(
        &mut self,
        answering: &Way,
        psn: u32,
        candidate: &Way,
        slot: u32,
        start_ns: u64,
    ) {
        let age = candidate.requests.age(psn & MASK);
        if candidate.key.service != answering.key.service || age.is_none_or(|age| age > MAX_AGE) {
            return;
        }
        let port = linux_source_port(candidate.key.qp, answering.key.qp);
        let rank = Rank {
            port: candidate.source_port == port,
            asked: candidate.asking == psn,
            earlier: std::cmp::Reverse(start_ns),
        };
        self.fitting += 1;
        self.by_port += u32::from(rank.port);
        if self.best.is_none_or(|(best, _)| best < rank) {
            self.best = Some((rank, slot));
        }
    }

    /// The slot that wins; None when there is none, or doubt that may still be cleared.
    pub fn decide(&self, answering: &mut Way) -> Option<u32> {
        let (_, slot) = self.best?;
        if self.fitting > 1 && self.by_port != 1 {
            answering.doubts = answering.doubts.saturating_add(1);
            if answering.doubts < MAX_DOUBTS {
                return None;
            }
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
