"""What the mirror itself lost: gaps in the sequence numbers of GRE and ERSPAN."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from probes.engine.flows.single import single
from probes.engine.packets.packet import MIRRORS, Tunnel

MAX_SESSIONS = 1024
"""Sessions that are followed; packets of others are counted."""
WINDOW = 64
"""How far back a late packet is told from one that came twice."""
MAX_GAP = 1 << 20
"""A step further than that is a session that began anew, not a loss."""
_U32 = (1 << 32) - 1
_U64 = (1 << 64) - 1

Mark = tuple[int, int, int]
"""A session, and what it had seen and missed: for what is seen and missing from then on."""


class Mirror:
    """One session by which packets are mirrored here, and numbered."""

    def __init__(self, tunnel: Tunnel, sequence: int) -> None:
        self.source = tunnel.source.ljust(16, b"\0")
        self.destination = tunnel.destination.ljust(16, b"\0")
        self.tunnel = int(tunnel.kind)
        self.tunnel_id = tunnel.id
        self.seen = 0
        """Numbers that were seen, each once."""
        self.missing = 0
        """Numbers that were passed over."""
        self.late = 0
        """Packets that came after a later one; they count as seen and no longer as missing."""
        self.repeated = 0
        """Packets whose number had been seen, or that are too late to know."""
        self.restarts = 0
        self._next = 0
        self._window = 0
        """Bit n: `next - 1 - n` was seen."""
        self._begin(sequence)

    def _begin(self, sequence: int) -> None:
        self._next = (sequence + 1) & _U32
        self._window = 1
        self.seen += 1

    def observe(self, sequence: int) -> None:
        """Numbers wrap.

        What is up to 2^20 ahead passes over what is between; what is less than 64 behind, or not much more, is late or
        repeated; from anywhere else the numbers begin anew.
        """
        ahead = (sequence - self._next) & _U32
        behind = (self._next - 1 - sequence) & _U32
        if ahead <= MAX_GAP:
            self.missing += ahead
            self._window = (self._window << ahead + 1 & _U64 if ahead + 1 < WINDOW else 0) | 1
            self._next = (sequence + 1) & _U32
            self.seen += 1
        elif behind < WINDOW and not self._window >> behind & 1 and self.missing > 0:
            self._window |= 1 << behind
            self.missing -= 1
            self.late += 1
            self.seen += 1
        elif behind <= 4 * WINDOW:
            self.repeated += 1
        else:
            self.restarts += 1
            self._begin(sequence)

    def tell(self) -> dict[str, Any]:
        """As books have it."""
        names = ("source", "destination", "tunnel", "tunnel_id", "seen", "missing", "late", "repeated", "restarts")
        return {name: getattr(self, name) for name in names} | {"visibility": ratio(self.seen, self.missing)}


class Mirrors:
    """All sessions, in the order in which they were first seen."""

    def __init__(self) -> None:
        self.sessions: list[Mirror] = []
        self.unfollowed = 0
        """Numbered packets of sessions beyond the first 1,024."""
        self._index: dict[tuple[bytes, bytes, int, int], int] = {}

    def observe(self, tunnel: Tunnel | None) -> int | None:
        """A packet that came through a tunnel. Returns its session, None where nothing numbers it."""
        if tunnel is None or tunnel.sequence is None or tunnel.kind not in MIRRORS:
            return None
        session = (tunnel.source.ljust(16, b"\0"), tunnel.destination.ljust(16, b"\0"), tunnel.id, tunnel.kind)
        number = self._index.get(session)
        if number is not None:
            self.sessions[number].observe(tunnel.sequence)
            return number
        if len(self.sessions) >= MAX_SESSIONS:
            self.unfollowed += 1
            return None
        self._index[session] = number = len(self.sessions)
        self.sessions.append(Mirror(tunnel, tunnel.sequence))
        return number

    def mark(self, session: int | None) -> Mark | None:
        """Where a session stands, before its last packet is counted."""
        if session is None:
            return None
        mirror = self.sessions[session]
        return session, mirror.seen - 1, mirror.missing

    def visibility_since(self, marks: Iterable[Mark | None]) -> float:
        """Which part of what the sessions of these marks were to bring since then was seen; 1 where nothing says so.

        A late packet may take back what was missing before the mark.
        """
        seen = missing = 0
        for mark in marks:
            if mark is not None:
                mirror = self.sessions[mark[0]]
                seen += mirror.seen - mark[1]
                missing += max(0, mirror.missing - mark[2])
        return ratio(seen, missing)

    def visibility_of(self, tunnel: int, tunnel_id: int) -> float:
        """The same of all sessions of a tunnel, from their beginning on."""
        found = [each for each in self.sessions if (each.tunnel, each.tunnel_id) == (tunnel, tunnel_id)]
        return ratio(sum(each.seen for each in found), sum(each.missing for each in found))


def ratio(seen: int, missing: int) -> float:
    """Seen / (seen + missing); 1 where there is nothing."""
    return single(seen / (seen + missing)) if seen + missing else 1.0
