//! The flow table.
//!
//! - **Cost**: one look into the index and one flow a packet. Nothing is allocated for a packet, only for a flow with
//!   more than a few of them (features) or with payload to look at.
//! - **Time** is the packets' own. With packets in order of time, what a record has does not depend on when the table
//!   comes to look at it: a packet that comes after a timeout finds that out itself. Timeouts without a packet are found by a timing wheel, at most `BUDGET`
//!   steps a packet. Time may go back: by less than the idle timeout that changes nothing, by more it is a jump, and
//!   flows from before it end.
//! - **Room**: when the table is three quarters full, one of two beginning flows is followed; with every halving of the
//!   room that is left, half of those. Which ones is a matter of the key's hash, so a flow is followed as a whole or not
//!   at all, as long as the rate does not change. Packets of the others are counted as not sampled. Flows that are
//!   followed stay. When the table is full nevertheless, the beginning flow takes the place of one of the next 64 round
//!   the table: the first that has a single packet, or else the one that is silent for longest, if that is a quarter of
//!   the idle timeout. Without one of these the beginning flow is not followed.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::flow::{Flow, Seen};
use super::key::{Key, SYN, TCP};
use super::outbox::Outbox;
use super::pool::{NONE, Pool};
use super::record::EndReason;
use super::settings::MeterSettings;
use super::tcp::Connection;
use super::verdict::{Payload, Room};
use super::wheel::Wheel;
use crate::packets::{Fragment, Packet};
use crate::rules::Classifier;

/// Steps of the wheel for one packet.
const BUDGET: u32 = 32;
/// Steps when there is no room.
const BUDGET_FULL: u32 = 1024;
/// Room in the index to begin with: a small one stays in the processor's caches.
const FIRST_CAPACITY: usize = 1 << 14;
const CANDIDATES: u32 = 64;
const MAX_SAMPLING: u32 = 4096;

/// A flow's place, and half of its hash: the index grows and is searched without a look at the flows.
#[derive(Clone, Copy, Debug)]
struct Slot {
    id: u32,
    tag: u32,
}

impl Slot {
    /// The index takes the lowest and the highest bits of a hash.
    fn hash(tag: u32) -> u64 {
        (u64::from(tag) << 32) | u64::from(tag)
    }
}

/// Flows by key.
#[derive(Debug)]
pub(super) struct Table<S = RandomState> {
    settings: MeterSettings,
    hasher: S,
    index: HashTable<Slot>,
    flows: Pool<Flow>,
    connections: Pool<Connection>,
    wheel: Wheel,
    room: Room,
    now_ns: u64,
    /// Where the search for a flow that has to go begins.
    hand: u32,
    started: bool,
}

impl<S: BuildHasher> Table<S> {
    pub(super) fn new(settings: MeterSettings, hasher: S) -> Self {
        let capacity = settings.max_flows as usize;
        let mut wheel = Wheel::new();
        wheel.reserve(capacity);
        Self {
            room: Room {
                open: 0,
                most: settings.max_inspections,
            },
            hasher,
            index: HashTable::with_capacity(capacity.min(FIRST_CAPACITY)),
            flows: Pool::with_room(capacity),
            connections: Pool::with_room(capacity),
            wheel,
            settings,
            now_ns: 0,
            hand: 0,
            started: false,
        }
    }

    /// Octets for each flow in the table, without those of `index`, and for each of TCP beside them.
    pub(super) const OCTETS: (usize, usize) =
        (size_of::<Flow>() + Wheel::OCTETS, size_of::<Connection>());

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// One of how many beginning flows is followed.
    pub(super) fn sampling(&self) -> u32 {
        sampling(self.settings.max_flows, self.index.len())
    }

    /// Count a packet. False when its flow is not followed.
    #[inline]
    pub(super) fn observe(
        &mut self,
        packet: &Packet<'_>,
        session: u16,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) -> bool {
        self.clock(packet.time_ns, out);
        self.expire(BUDGET, rules, out);
        let (key, sender) = Key::of(packet);
        let seen = Seen {
            packet,
            sender,
            session,
        };
        let hash = self.hasher.hash_one(key);
        let tag = (hash >> 32) as u32;
        let found = self.index.find(Slot::hash(tag), |slot| {
            slot.tag == tag && self.flows.get(slot.id).is_some_and(|flow| flow.key == key)
        });
        let id = match found.map(|slot| slot.id) {
            Some(id) => {
                self.go_on(id, &seen, rules, out);
                id
            }
            None => match self.admit(key, hash, &seen, rules, out) {
                Some(id) => id,
                None => return false,
            },
        };
        let Some(flow) = self.flows.get_mut(id) else {
            return false;
        };
        if flow.observe(&seen, &mut self.connections, &out.books.mirrors)
            && self.settings.linger_ns.is_some()
        {
            self.wheel.put(id, flow.next_look(&self.settings));
        }
        if let Some(rules) = rules {
            let wants = flow.looking.wants() && packet.network.fragment != Fragment::Later;
            if wants && !packet.payload.is_empty() {
                self.look(id, &seen, rules, out);
            }
        }
        true
    }

    /// Time goes on without a packet: everything that is due, as long as there is room for records.
    pub(super) fn advance(
        &mut self,
        now_ns: u64,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) {
        self.clock(now_ns, out);
        self.expire(u32::MAX, rules, out);
    }

    /// A packet's payload, for the rules.
    fn look(&mut self, id: u32, seen: &Seen<'_, '_>, rules: &Arc<Classifier>, out: &mut Outbox) {
        let Some(flow) = self.flows.get_mut(id) else {
            return;
        };
        let packet = seen.packet;
        let payload = Payload {
            forward: flow.is_forward(seen.sender),
            octets: packet.payload,
            // Of a packet that was put together, the last fragment alone has its octets here.
            wire_octets: packet
                .payload_octets
                .max(u32::try_from(packet.payload.len()).unwrap_or(u32::MAX)),
            tcp_sequence: packet.tcp.map(|tcp| {
                // A SYN takes the number before its payload.
                tcp.sequence.wrapping_add(u32::from(tcp.flags & SYN != 0))
            }),
        };
        let facts = flow.facts(&self.connections);
        if !flow.looking.look(rules, &facts, &payload, &mut self.room) {
            let refused = &mut out.books.flows.not_inspected;
            *refused = refused.saturating_add(1);
        }
    }

    /// Everything left is told, as long as there is room for records. True when nothing is left.
    pub(super) fn finish(&mut self, rules: Option<&Arc<Classifier>>, out: &mut Outbox) -> bool {
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

    fn clock(&mut self, time_ns: u64, out: &mut Outbox) {
        if !self.started {
            self.started = true;
            self.now_ns = time_ns;
            self.wheel.rewind(time_ns);
        } else if time_ns >= self.now_ns {
            self.now_ns = time_ns;
        } else if self.now_ns - time_ns >= self.settings.idle_ns {
            self.now_ns = time_ns;
            self.wheel.rewind(time_ns);
            out.books.rewinds = out.books.rewinds.saturating_add(1);
        }
    }

    #[inline]
    fn expire(&mut self, mut budget: u32, rules: Option<&Arc<Classifier>>, out: &mut Outbox) {
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
    fn tell_due(
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

    /// A packet of a known flow: it may have ended before, and this is the first of another one.
    #[inline]
    fn go_on(
        &mut self,
        id: u32,
        seen: &Seen<'_, '_>,
        rules: Option<&Arc<Classifier>>,
        out: &mut Outbox,
    ) {
        let Some(flow) = self.flows.get(id) else {
            return;
        };
        let again =
            self.settings.linger_ns.is_some() && flow.is_opened_again(seen, &self.connections);
        if !again && flow.due(seen.packet.time_ns, &self.settings).is_none() {
            return;
        }
        if !self.tell_due(id, seen.packet.time_ns, rules, out) {
            if !again {
                return;
            }
            self.tell(id, EndReason::EndOfFlow, rules, out);
        }
        // It keeps its place, in the wheel as well: it is looked at there no later than it has to be.
        if let Some(flow) = self.flows.get_mut(id) {
            flow.looking.close(&mut self.room);
            let (connection, sampling) = (flow.connection, flow.sampling_bits());
            *flow = Flow::begin(flow.key, seen, sampling);
            if let Some(state) = self.connections.get_mut(connection) {
                *state = Connection::default();
                flow.connection = connection;
            }
            out.books.flows.begun = out.books.flows.begun.saturating_add(1);
        }
    }

    /// A flow begins, if it is to be followed.
    fn admit(
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

    fn tell(
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
    fn end(
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

/// One of how many beginning flows is followed when `count` of at most `most` are.
fn sampling(most: u32, count: usize) -> u32 {
    let free = most.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    let quarter = most / 4;
    if free >= quarter {
        return 1;
    }
    let short = (quarter / free.max(1)).clamp(1, MAX_SAMPLING / 2);
    2 << short.ilog2()
}

#[cfg(test)]
mod tests;
