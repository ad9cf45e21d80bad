//! How flows end and are told.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::{Slot, Table};
use crate::flows::outbox::Outbox;
use crate::flows::pool::NONE;
use crate::flows::record::EndReason;
use crate::rules::Classifier;

impl<S: BuildHasher> Table<S> {
    /// Everything left is told, as long as there is room for records. True when nothing is left.
    pub(in crate::flows) fn finish(
        &mut self,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) -> bool {
        let places = u32::try_from(self.flows.len()).unwrap_or(NONE);
        for id in 0..places {
            if out.is_full() {
                return self.index.is_empty();
            }
            if self.flows.get(id).is_some_and(|flow| flow.is_live()) {
                self.wheel.remove(id);
                self.end(id, EndReason::Forced, rules, out);
            }
        }
        true
    }

    #[inline]
    pub(super) fn expire(
        &mut self,
        mut budget: u32,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) {
        while !out.is_full() {
            let Some(id) = self.wheel.due(self.now_ns, &mut budget) else {
                return;
            };
            if self.tell_due(id, self.now_ns, rules, out) {
                self.end(id, EndReason::Idle, rules, out);
            } else if let Some(flow) = self.flows.get(id) {
                self.wheel.put(id, flow.next_look(&self.settings));
            }
        }
    }

    /// Tell of a flow what is due. True when it has ended with that.
    pub(super) fn tell_due(
        &mut self,
        id: u32,
        now_ns: u64,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) -> bool {
        while let Some(flow) = self.flows.get(id) {
            match flow.due(now_ns, &self.settings) {
                None => return false,
                Some(reason) => {
                    self.tell(id, reason, rules, out);
                    if reason != EndReason::Active {
                        return true;
                    }
                }
            }
        }
        true
    }

    pub(super) fn tell(
        &mut self,
        id: u32,
        reason: EndReason,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) {
        let record = self.flows.get_mut(id).and_then(|flow| {
            flow.tell(
                reason,
                &mut self.connections,
                rules,
                &out.books,
                self.settings.sampling,
            )
        });
        if let Some(record) = record {
            out.tell(record);
        }
    }

    /// A flow that is in no slot of the wheel goes; what was not told of it is told.
    pub(super) fn end(
        &mut self,
        id: u32,
        reason: EndReason,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) {
        self.tell(id, reason, rules, out);
        let Some(flow) = self.flows.get_mut(id) else {
            return;
        };
        flow.leave();
        flow.looking.close(&mut self.room);
        self.connections.free(flow.connection);
        let tag = (self.hasher.hash_one(flow.key) >> 32) as u32;
        if let Ok(entry) = self.index.find_entry(Slot::hash(tag), |slot| slot.id == id) {
            entry.remove();
        }
        self.flows.free(id);
    }
}
