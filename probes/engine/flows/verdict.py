"""How far a flow's payload was looked at."""

from __future__ import annotations

import enum
from collections.abc import Callable

from fabricscope.flow import UNCLASSIFIED, Classification
from probes.engine.rules.classifier import Rules
from probes.engine.rules.inspection import FlowFacts, Inspection


class Room:
    """How many flows are looked at, and may be."""

    def __init__(self, most: int) -> None:
        self.open = 0
        self.most = most


class State(enum.Enum):
    """How far it was looked at."""

    WAITING = 0
    """No payload has come."""
    OPEN = 1
    """More payload is wanted."""
    SETTLED = 2
    """Nothing would change it."""
    REFUSED = 3
    """There was no room to look."""


class Looking:
    """A flow's way through the rules. Rules that were replaced live on with the flows that they began with."""

    __slots__ = ("_inspection", "_rules", "_state", "_verdict")

    def __init__(self) -> None:
        self._state = State.WAITING
        self._rules: Rules | None = None
        self._inspection: Inspection | None = None
        self._verdict = UNCLASSIFIED

    def wants(self) -> bool:
        """Whether payload is wanted."""
        return self._state is State.WAITING or self._state is State.OPEN

    def look(
        self,
        rules: Rules,
        facts: FlowFacts,
        forward: bool,
        octets: bytes,
        wire_octets: int,
        tcp_sequence: int | None,
        room: Room,
    ) -> bool:
        """Look at a packet's payload. False when that is refused for want of room."""
        if self._state is State.WAITING:
            if room.open >= room.most:
                self._state = State.REFUSED
                return False
            room.open += 1
            self._state = State.OPEN
            self._rules = rules
            self._inspection = rules.begin(facts)
        if self._rules is not None and self._inspection is not None:
            inspection = self._inspection
            if self._rules.inspect(inspection, facts, forward, octets, wire_octets, tcp_sequence):
                self._verdict = self._rules.conclude(inspection, facts)
                self._settle(State.SETTLED, room)
        return True

    def again(self, facts: FlowFacts) -> None:
        """Look once more from the beginning, if there is no verdict yet."""
        if self._rules is not None:
            self._inspection = self._rules.begin(facts)

    def tell(self, rules: Rules | None, facts: Callable[[], FlowFacts]) -> Classification:
        """What is known. Where no payload was seen, what the rules say of ports and protocol."""
        if self._rules is not None and self._inspection is not None:
            return self._rules.conclude(self._inspection, facts())
        if self._state is State.WAITING and rules is not None:
            known = facts()
            return rules.conclude(rules.begin(known), known)
        return self._verdict

    def close(self, room: Room) -> None:
        """The flow has ended."""
        self._verdict = UNCLASSIFIED
        self._settle(State.WAITING, room)

    def _settle(self, state: State, room: Room) -> None:
        if self._state is State.OPEN:
            room.open -= 1
        self._state = state
        self._rules = self._inspection = None
