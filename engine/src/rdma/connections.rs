//! The table of connections.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::flows::record::{EndReason, FlowRecord};
use crate::packets::{Packet, Rdma};

use super::connection::Connection;
use super::exchanges::Exchanges;
use super::headers::{Headers, Kind, MANAGEMENT_QP, service};
use super::joining::Waiting;
use super::key::{Key, Pair};
use super::limits::ConnectionLimits;
use super::slots::Slots;
use super::way::Way;

/// Which services a queue pair that is notified of congestion may have, likeliest first.
pub(super) const CONNECTED: [u8; 4] = [service::RC, service::XRC, service::UC, service::RD];
/// How many of those that are due are looked at in one call, so that none takes long after a jump of the clock.
const CHECKS: usize = 1024;
/// Out of how many the one is chosen that makes room.
const CHOICES: usize = 8;
/// One with fewer packets makes room before others.
const SMALL: u64 = 4;

/// A way of a connection: its slot, and which of both it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub slot: u32,
    pub at: usize,
}

/// Connections between queue pairs.
pub struct Connections {
    limits: ConnectionLimits,
    pub(super) places: HashMap<Key, Place, RandomState>,
    pub(super) slots: Slots,
    pub(super) waiting: Waiting,
    pub(super) exchanges: Exchanges,
    records: Vec<FlowRecord>,
    idle_ns: u64,
    active_ns: u64,
    evicted: u64,
    unreadable: u64,
    unchecked: u32,
}

impl Connections {
    /// An empty table.
    pub fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            places: HashMap::default(),
            slots: Slots::default(),
            waiting: Waiting::default(),
            exchanges: Exchanges::default(),
            records: Vec::new(),
            idle_ns: u64::MAX,
            active_ns: u64::MAX,
            evicted: 0,
            unreadable: 0,
            unchecked: 0,
        }
    }

    /// Takes a packet that carries RDMA; any other is ignored.
    #[inline]
    pub fn observe(&mut self, packet: &Packet<'_>) {
        let Some(rdma) = &packet.rdma else { return };
        let Some(headers) = Headers::parse(rdma.transport, rdma.wire_octets) else {
            self.unreadable += 1;
            return;
        };
        let check = self.is_to_check();
        let pair = Pair::of(packet, rdma);
        let mut key = Key::of(pair, &headers);
        if headers.kind == Kind::Cnp {
            key = self.notified(key);
        }
        let mut place = self.place(key, packet.time_ns);
        if headers.is_answer() {
            place = self.belonging(place, &headers);
        }
        if !self.count(place, packet, rdma, &headers, check) {
            self.end(place.slot, EndReason::EndOfFlow);
            let place = self.begin(key, packet.time_ns);
            self.count(place, packet, rdma, &headers, check);
        }
        if headers.destination_qp == MANAGEMENT_QP && headers.service() == service::UD {
            let datagram = rdma.transport.get(headers.payload_at as usize..);
            self.manage(pair, datagram.unwrap_or(&[]), packet.time_ns);
        }
    }

    /// Ends what has been silent for `idle_ns`, and tells what has gone on for `active_ns`. A call looks at a few only.
    #[inline]
    pub fn expire(&mut self, now_ns: u64, idle_ns: u64, active_ns: u64) {
        if (self.idle_ns, self.active_ns) != (idle_ns, active_ns) {
            self.idle_ns = idle_ns;
            self.active_ns = active_ns;
            self.slots.check_all(now_ns);
        }
        for _ in 0..CHECKS {
            let Some(slot) = self.slots.due(now_ns) else {
                return;
            };
            self.renew(slot, now_ns);
            if self.slots.get(slot).is_some() {
                self.slots.check_later(slot, self.check_at(now_ns));
            }
        }
    }

    /// Ends everything: the input is over.
    pub fn finish(&mut self) {
        while let Some(slot) = self.slots.due(u64::MAX) {
            self.end(slot, EndReason::Forced);
        }
    }

    /// The records since the last call.
    pub fn take(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.records)
    }

    /// How many connections are followed.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many ended to make room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Packets that end inside the base transport header, and belong to no connection.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn is_to_check(&mut self) -> bool {
        if self.limits.check_icrc_every == 0 {
            return false;
        }
        self.unchecked += 1;
        let check = self.unchecked >= self.limits.check_icrc_every;
        if check {
            self.unchecked = 0;
        }
        check
    }

    /// Connections are looked at four times in the time after which a silent one is over.
    fn check_at(&self, now_ns: u64) -> u64 {
        now_ns.saturating_add(self.idle_ns.min(self.active_ns) / 4)
    }

    /// The way that a congestion notification goes along: that of the connection which is to send less.
    fn notified(&self, key: Key) -> Key {
        CONNECTED
            .into_iter()
            .map(|service| Key { service, ..key })
            .find(|key| self.places.contains_key(key))
            .unwrap_or(Key {
                service: service::RC,
                ..key
            })
    }

    fn place(&mut self, key: Key, now_ns: u64) -> Place {
        if let Some(&place) = self.places.get(&key) {
            self.renew(place.slot, now_ns);
            if self.slots.get(place.slot).is_some() {
                return place;
            }
        }
        self.begin(key, now_ns)
    }

    /// Ends it when it was silent for too long, tells it when it went on for long enough.
    #[inline]
    fn renew(&mut self, slot: u32, now_ns: u64) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        if now_ns.saturating_sub(connection.last_ns) >= self.idle_ns {
            let reason = if connection.closing {
                EndReason::EndOfFlow
            } else {
                EndReason::Idle
            };
            self.end(slot, reason);
        } else if connection.start_ns != 0
            && now_ns.saturating_sub(connection.start_ns) >= self.active_ns
        {
            self.records.extend(connection.tell(EndReason::Active));
        }
    }

    fn count(
        &mut self,
        place: Place,
        packet: &Packet<'_>,
        rdma: &Rdma<'_>,
        headers: &Headers,
        check: bool,
    ) -> bool {
        let Some(connection) = self.slots.get_mut(place.slot) else {
            return true;
        };
        let belongs = connection.observe(place.at, packet, rdma, headers, check);
        if connection.is_alone() {
            self.wait(place.slot);
        }
        belongs
    }

    pub(super) fn begin(&mut self, key: Key, now_ns: u64) -> Place {
        self.insert(Connection::new(Way::new(key), now_ns), now_ns)
    }

    pub(super) fn insert(&mut self, connection: Connection, now_ns: u64) -> Place {
        while self.slots.len() >= self.limits.connections.max(1) {
            if !self.make_room(now_ns) {
                break;
            }
        }
        let check_at = self.check_at(now_ns);
        let slot = self.slots.insert(connection, check_at);
        self.place_ways(slot);
        Place { slot, at: 0 }
    }

    /// Notes where the ways of a connection are.
    pub(super) fn place_ways(&mut self, slot: u32) {
        let Some(connection) = self.slots.get(slot) else {
            return;
        };
        for (at, way) in connection.ways.iter().enumerate() {
            if let Some(way) = way {
                self.places.insert(way.key, Place { slot, at });
            }
        }
    }

    /// Ends one of those that were looked at longest ago: a small one, if there is, and of these the most silent.
    fn make_room(&mut self, now_ns: u64) -> bool {
        let mut worst: Option<((bool, u64), u32)> = None;
        for _ in 0..CHOICES {
            let Some(slot) = self.slots.due(u64::MAX) else {
                break;
            };
            let Some(connection) = self.slots.get(slot) else {
                continue;
            };
            let rank = (connection.packets() >= SMALL, connection.last_ns);
            if worst.is_none_or(|(worst, _)| rank < worst) {
                worst = Some((rank, slot));
            }
            self.slots.check_later(slot, self.check_at(now_ns));
        }
        let Some((_, slot)) = worst else { return false };
        self.evicted += 1;
        self.end(slot, EndReason::LackOfResources);
        true
    }

    pub(super) fn end(&mut self, slot: u32, reason: EndReason) {
        self.stop_waiting(slot);
        let Some(mut connection) = self.slots.remove(slot) else {
            return;
        };
        for key in connection.keys() {
            if self
                .places
                .get(&key)
                .is_some_and(|place| place.slot == slot)
            {
                self.places.remove(&key);
            }
        }
        self.records.extend(connection.tell(reason));
    }
}

#[cfg(test)]
mod tests;
