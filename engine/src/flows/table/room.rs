//! Which flows are followed when there is little room.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::{BUDGET_FULL, Slot, Table};
use crate::flows::flow::{Flow, Seen};
use crate::flows::key::{Key, TCP};
use crate::flows::outbox::Outbox;
use crate::flows::pool::NONE;
use crate::flows::record::EndReason;
use crate::flows::tcp::Connection;
use crate::rules::Classifier;

/// Places at which a flow is looked for that can go.
const CANDIDATES: u32 = 64;
pub(super) const MAX_SAMPLING: u32 = 4096;

impl<S: BuildHasher> Table<S> {
    /// A flow begins, if it is to be followed.
    pub(super) fn admit(
        &mut self,
        key: Key,
        hash: u64,
        seen: &Seen<'_, '_>,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) -> Option<u32> {
        let sampling = self.sampling();
        // Bits that do not choose the place in the index.
        if hash as u32 & (sampling - 1) != 0 {
            return None;
        }
        let most = self.settings.max_flows as usize;
        if self.index.len() >= most {
            self.expire(BUDGET_FULL, rules, out);
        }
        if self.index.len() >= most && !self.evict(rules, out) {
            return None;
        }
        let mut flow = Flow::begin(key, seen, sampling.ilog2() as u8);
        if key.protocol() == TCP && seen.packet.tcp.is_some() {
            flow.connection = self.connections.put(Connection::default());
        }
        let look = flow.next_look(&self.settings);
        let id = self.flows.put(flow);
        self.wheel.put(id, look);
        let tag = (hash >> 32) as u32;
        self.index
            .insert_unique(Slot::hash(tag), Slot { id, tag }, |slot| {
                Slot::hash(slot.tag)
            });
        let counts = &mut out.books.flows;
        counts.begun = counts.begun.saturating_add(1);
        counts.most = counts.most.max(self.index.len() as u64);
        Some(id)
    }

    /// Make room. False when all that could go are at work.
    fn evict(&mut self, rules: Option<&Arc<Classifier>>, out: &mut Outbox) -> bool {
        let places = u32::try_from(self.flows.len()).unwrap_or(NONE).max(1);
        let mut chosen: Option<(u64, u32)> = None;
        for _ in 0..CANDIDATES {
            self.hand = self.hand.wrapping_add(1) % places;
            let Some(flow) = self.flows.get(self.hand).filter(|flow| flow.is_live()) else {
                continue;
            };
            if flow.is_single() {
                chosen = Some((0, self.hand));
                break;
            }
            let silent = (flow.last_ns(), self.hand);
            chosen = Some(chosen.map_or(silent, |before| before.min(silent)));
        }
        let limit = self.now_ns.saturating_sub(self.settings.idle_ns / 4);
        match chosen {
            Some((last_ns, id)) if last_ns <= limit => {
                self.wheel.remove(id);
                self.end(id, EndReason::LackOfResources, rules, out);
                true
            }
            _ => false,
        }
    }
}

/// One of how many beginning flows is followed when `count` of at most `most` are.
pub(super) fn sampling(most: u32, count: usize) -> u32 {
    let free = most.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    let quarter = most / 4;
    if free >= quarter {
        return 1;
    }
    let short = (quarter / free.max(1)).clamp(1, MAX_SAMPLING / 2);
    2 << short.ilog2()
}
