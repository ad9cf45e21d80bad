//! When to look at which flow: a timing wheel of lists that need no memory of their own.
//!
//! A flow stands in the slot of the tick in which it may be due. It is not moved when a packet comes: whoever takes it out
//! looks at its times and puts it back where it has to be then. A time further away than the wheel goes round stands in
//! the last slot, and is looked at once more.

/// A tick is 2^28 ns, about 268 ms.
const TICK_BITS: u32 = 28;
/// One turn of the wheel is some 137 s.
const SLOTS: u64 = 512;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    slot: u16,
    linked: bool,
}

const UNLINKED: Link = Link {
    before: NONE,
    after: NONE,
    slot: 0,
    linked: false,
};

/// Numbers below the capacity, by time.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Box<[u32]>,
    links: Vec<Link>,
    /// The tick whose slot is being emptied; all before it are done.
    cursor: u64,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![NONE; SLOTS as usize].into_boxed_slice(),
            links: Vec::new(),
            cursor: 0,
        }
    }

    /// Octets for one flow.
    pub(super) const OCTETS: usize = size_of::<Link>();

    /// Room for that many without moving; less where there is no memory.
    pub(super) fn reserve(&mut self, capacity: usize) {
        let _ = self.links.try_reserve_exact(capacity);
    }

    /// Look at `id` when `at_ns` has passed. One that stood somewhere is taken from there.
    pub(super) fn put(&mut self, id: u32, at_ns: u64) {
        self.remove(id);
        let at = id as usize;
        if at >= self.links.len() {
            self.links.resize(at + 1, UNLINKED);
        }
        let last = self.cursor.saturating_add(SLOTS - 1);
        let tick = (at_ns >> TICK_BITS)
            .max(self.cursor.saturating_add(1))
            .min(last);
        let slot = (tick % SLOTS) as u16;
        let after = std::mem::replace(&mut self.slots[usize::from(slot)], id);
        if let Some(next) = self.links.get_mut(after as usize) {
            next.before = id;
        }
        self.links[at] = Link {
            before: NONE,
            after,
            slot,
            linked: true,
        };
    }

    /// Take `id` out, if it is there.
    pub(super) fn remove(&mut self, id: u32) {
        let Some(link) = self.links.get_mut(id as usize).filter(|link| link.linked) else {
            return;
        };
        let Link {
            before,
            after,
            slot,
            ..
        } = std::mem::replace(link, UNLINKED);
        match self.links.get_mut(before as usize) {
            Some(previous) => previous.after = after,
            None => self.slots[usize::from(slot)] = after,
        }
        if let Some(next) = self.links.get_mut(after as usize) {
            next.before = before;
        }
    }

    /// The next one that may be due at `now_ns`. `budget` goes down with every slot and every one: None when it is used
    /// up, or nothing is due.
    #[inline]
    pub(super) fn due(&mut self, now_ns: u64, budget: &mut u32) -> Option<u32> {
        let now = now_ns >> TICK_BITS;
        if self.cursor >= now {
            return None;
        }
        self.find(now, budget)
    }

    fn find(&mut self, now: u64, budget: &mut u32) -> Option<u32> {
        // One turn visits every slot.
        self.cursor = self.cursor.max(now.saturating_sub(SLOTS));
        while self.cursor < now && *budget > 0 {
            *budget -= 1;
            let id = self.slots[(self.cursor % SLOTS) as usize];
            if id != NONE {
                self.remove(id);
                return Some(id);
            }
            self.cursor += 1;
        }
        None
    }

    /// Time was set back: go on from there. What stands in the wheel is looked at within one turn.
    pub(super) fn rewind(&mut self, now_ns: u64) {
        self.cursor = now_ns >> TICK_BITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn all(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut budget = u32::MAX;
        let mut ids: Vec<u32> = std::iter::from_fn(|| wheel.due(now, &mut budget)).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn what_is_due_comes_out_once() {
        let mut wheel = Wheel::new();
        wheel.rewind(1000 * SECOND);
        for id in 0..100 {
            wheel.put(id, (1001 + u64::from(id)) * SECOND);
        }
        assert!(all(&mut wheel, 1001 * SECOND).is_empty());
        assert_eq!(all(&mut wheel, 1003 * SECOND), [0, 1]);
        wheel.remove(2);
        wheel.remove(2);
        wheel.put(3, 1500 * SECOND);
        assert_eq!(all(&mut wheel, 1006 * SECOND), [4]);
        assert_eq!(all(&mut wheel, 1101 * SECOND).len(), 95);
        // Further away than a turn: looked at before, never after.
        assert_eq!(all(&mut wheel, 1500 * SECOND), [3]);
    }

    #[test]
    fn a_budget_ends_the_search_and_the_rest_comes_later() {
        let mut wheel = Wheel::new();
        for id in 0..10 {
            wheel.put(id, SECOND);
        }
        let mut budget = 8;
        while wheel.due(100 * SECOND, &mut budget).is_some() {}
        assert_eq!(budget, 0);
        // Three empty slots went before.
        assert_eq!(all(&mut wheel, 100 * SECOND).len(), 10 - 5);
    }

    #[test]
    fn after_time_was_set_back_everything_is_found_within_a_turn() {
        let mut wheel = Wheel::new();
        wheel.rewind(9000 * SECOND);
        wheel.put(7, 9030 * SECOND);
        wheel.rewind(50 * SECOND);
        wheel.put(8, 60 * SECOND);
        assert_eq!(all(&mut wheel, 200 * SECOND), [7, 8]);
        assert!(all(&mut wheel, u64::MAX).is_empty());
        wheel.put(1, u64::MAX);
        assert!(all(&mut wheel, u64::MAX).is_empty());
    }
}
