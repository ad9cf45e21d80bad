"""When to look at which flow: a timing wheel.

A flow stands in the slot of the tick in which it may be due. It is not moved when a packet comes: whoever takes it out
looks at its times and puts it back where it has to be then. A time further away than the wheel goes round stands in the
last slot, and is looked at once more.
"""

from __future__ import annotations

TICK_BITS = 28
"""A tick is 2^28 ns, about 268 ms."""
SLOTS = 512
"""One turn of the wheel is some 137 s."""


class Wheel:
    """Numbers by time."""

    def __init__(self) -> None:
        self._slots: list[dict[int, None]] = [{} for _ in range(SLOTS)]
        """What was put last stands last, and is found first."""
        self._place: dict[int, int] = {}
        self._cursor = 0
        """The tick whose slot is being emptied; all before it are done."""

    def put(self, number: int, at_ns: int) -> None:
        """Look at a flow when `at_ns` has passed. One that stood somewhere is taken from there."""
        self.remove(number)
        tick = min(max(at_ns >> TICK_BITS, self._cursor + 1), self._cursor + SLOTS - 1)
        self._place[number] = tick % SLOTS
        self._slots[tick % SLOTS][number] = None

    def remove(self, number: int) -> None:
        """Take a flow out, if it is there."""
        slot = self._place.pop(number, None)
        if slot is not None:
            del self._slots[slot][number]

    def due(self, now_ns: int, budget: int) -> tuple[int | None, int]:
        """The next one that may be due, and what is left of the budget, which goes down with every slot and every one.

        None when it is used up, or nothing is due.
        """
        now = now_ns >> TICK_BITS
        if self._cursor >= now:
            return None, budget
        # One turn visits every slot.
        self._cursor = max(self._cursor, now - SLOTS)
        while self._cursor < now and budget > 0:
            budget -= 1
            slot = self._slots[self._cursor % SLOTS]
            if slot:
                number, _ = slot.popitem()
                del self._place[number]
                return number, budget
            self._cursor += 1
        return None, budget

    def rewind(self, now_ns: int) -> None:
        """Time was set back: go on from there. What stands in the wheel is looked at within one turn."""
        self._cursor = now_ns >> TICK_BITS
