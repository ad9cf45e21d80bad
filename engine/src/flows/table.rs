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

mod ending;
mod room;

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::flow::{Flow, Seen};
use super::key::{Key, SYN};
use super::outbox::Outbox;
use super::pool::Pool;
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
        room::sampling(self.settings.max_flows, self.index.len())
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
}

#[cfg(test)]
mod tests;
