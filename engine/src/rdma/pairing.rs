//! Ways of the table that become one connection, or two again.

use super::connections::{Connections, Place};
use super::headers::Headers;
use super::joining::{Choice, MAX_LOOKED_AT, worth_trying};

impl Connections {
    /// The way alone in that slot waits to be joined, once it has asked for something.
    #[inline]
    pub(super) fn wait(&mut self, slot: u32) {
        if let Some(connection) = self.slots.get_mut(slot)
            && let Some(way) = &mut connection.ways[0]
            && way.asks
            && way.waiting.is_none()
        {
            way.waiting = Some(self.waiting.add(way.key.pair, slot));
        }
    }

    /// A way that waits to be joined waits no more.
    pub(super) fn stop_waiting(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        for way in connection.ways.iter_mut().flatten() {
            let Some(at) = way.waiting.take() else {
                continue;
            };
            let moved = self.waiting.remove(way.key.pair, at);
            if let Some(moved) = moved
                && let Some(moved) = self.slots.get_mut(moved)
                && let Some(moved) = &mut moved.ways[0]
            {
                moved.waiting = Some(at);
            }
            return;
        }
    }

    /// Where an answer belongs: with the way that asked, once that is known.
    pub(super) fn belonging(&mut self, place: Place, headers: &Headers) -> Place {
        let Some(connection) = self.slots.get_mut(place.slot) else {
            return place;
        };
        if connection.refutes(place.at, headers) {
            return self.part(place);
        }
        let now_ns = connection.last_ns;
        if !connection.is_alone() {
            return place;
        }
        let Some(way) = &mut connection.ways[0] else {
            return place;
        };
        if !worth_trying(way) {
            return place;
        }
        match self.choose(place.slot, headers.psn) {
            Some(slot) => self.join(slot, place.slot, now_ns),
            None => place,
        }
    }

    fn choose(&mut self, answering: u32, psn: u32) -> Option<u32> {
        let way = self.slots.get(answering)?.ways[0].as_ref()?;
        let mut choice = Choice::default();
        let waiting = self.waiting.of(way.key.pair.reversed());
        for &slot in waiting.iter().rev().take(MAX_LOOKED_AT) {
            if let Some(candidate) = self.slots.get(slot)
                && slot != answering
                && let Some(asking) = &candidate.ways[0]
            {
                choice.consider(way, psn, asking, slot, candidate.start_ns);
            }
        }
        choice.decide(self.slots.get_mut(answering)?.ways[0].as_mut()?)
    }

    /// Both were ways of one connection.
    fn join(&mut self, asking: u32, answering: u32, now_ns: u64) -> Place {
        self.stop_waiting(asking);
        self.stop_waiting(answering);
        if let Some(other) = self.slots.remove(answering) {
            if let Some(connection) = self.slots.get_mut(asking) {
                connection.join(*other);
            } else {
                return self.insert(*other, now_ns);
            }
        }
        self.place_ways(asking);
        Place {
            slot: asking,
            at: 1,
        }
    }

    fn part(&mut self, place: Place) -> Place {
        let Some(connection) = self.slots.get_mut(place.slot) else {
            return place;
        };
        let now_ns = connection.last_ns;
        let Some(other) = connection.part() else {
            return place;
        };
        let parted = self.insert(other, now_ns);
        for slot in [place.slot, parted.slot] {
            self.wait(slot);
        }
        if place.at == 1 { parted } else { place }
    }
}
