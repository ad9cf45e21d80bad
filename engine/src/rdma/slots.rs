//! Connections in numbered slots, and the order in which it is looked whether they are over.

use std::collections::VecDeque;

use super::connection::Connection;

struct Slot {
    connection: Option<Box<Connection>>,
    /// How often the slot was given up, so that what was noted of an earlier connection is not taken for this one's.
    generation: u32,
}

/// When to look at a slot.
#[derive(Clone, Copy)]
struct Check {
    slot: u32,
    generation: u32,
    at_ns: u64,
}

/// Connections in slots.
#[derive(Default)]
pub struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    checks: VecDeque<Check>,
    length: usize,
}

impl Slots {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Puts one in.
    pub fn insert(&mut self, connection: Connection, check_ns: u64) -> u32 {
        let connection = Some(Box::new(connection));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                connection: None,
                generation: 0,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.connection = connection;
            self.length += 1;
        }
        self.check_later(slot, check_ns);
        slot
    }

    /// The one in that slot.
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.connection.as_deref()
    }

    /// The one in that slot.
    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.connection.as_deref_mut()
    }

    /// Takes one out.
    pub fn remove(&mut self, slot: u32) -> Option<Box<Connection>> {
        let place = self.slots.get_mut(slot as usize)?;
        let connection = place.connection.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        self.length -= 1;
        Some(connection)
    }

    /// It is to be looked at again then. Times are given in rising order, but for what the clock of a capture does.
    pub fn check_later(&mut self, slot: u32, at_ns: u64) {
        let Some(generation) = self.slots.get(slot as usize).map(|slot| slot.generation) else {
            return;
        };
        if self.checks.len() > self.length.saturating_mul(2) + 64 {
            let slots = &self.slots;
            self.checks.retain(|check| {
                let slot = slots.get(check.slot as usize);
                slot.is_some_and(|slot| slot.generation == check.generation)
            });
        }
        self.checks.push_back(Check {
            slot,
            generation,
            at_ns,
        });
    }

    /// All are to be looked at then.
    pub fn check_all(&mut self, at_ns: u64) {
        for check in &mut self.checks {
            check.at_ns = at_ns;
        }
    }

    /// The slot that is to be looked at next, when its time has come. It is to be given to `check_later` or removed.
    #[inline]
    pub fn due(&mut self, now_ns: u64) -> Option<u32> {
        while let Some(check) = self.checks.front() {
            if check.at_ns > now_ns {
                return None;
            }
            let check = self.checks.pop_front()?;
            let slot = self.slots.get(check.slot as usize);
            if slot.is_some_and(|slot| {
                slot.generation == check.generation && slot.connection.is_some()
            }) {
                return Some(check.slot);
            }
        }
        None
    }
}
