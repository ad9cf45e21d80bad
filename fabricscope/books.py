"""Books of a flow meter: where every packet went (`engine/src/flows/books.rs` is the other side).

`packets` = `undecodable` + `counted` + `not_sampled`. What the capture itself dropped or filtered comes before.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Count(Struct, frozen=True):
    """Packets, and their octets on the wire."""

    packets: int
    octets: int


class FlowCounts(Struct, frozen=True):
    """What became of flows."""

    begun: int
    told: tuple[int, int, int, int, int]
    """Records by `fabricscope.flow.EndReason`, from IDLE on."""
    now: int
    """Flows that are followed, without those of RDMA."""
    most: int
    sampling: int
    """One of how many beginning flows is followed now: more than 1 in a flood."""
    not_inspected: int
    """Flows whose payload was not looked at for want of room."""
    rdma_now: int
    rdma_evicted: int


class Mirror(Struct, frozen=True):
    """A session that brings numbered mirrored packets (GRE, ERSPAN), and what it lost on the way."""

    source: bytes
    """Who mirrors, in 16 octets; IPv4 in the first four."""
    destination: bytes
    tunnel: int
    """`fabricscope.flow.Tunnel`."""
    tunnel_id: int
    seen: int
    missing: int
    late: int
    """Packets that came after a later one."""
    repeated: int
    restarts: int
    """How often the numbers began anew."""
    visibility: float
    """seen / (seen + missing)."""


class Pause(Struct, frozen=True):
    """Pause frames of one port. Index 0 to 7 is the priority, 8 the pause of all of them (802.3 annex 31B)."""

    frames: list[int]
    """That stop it."""
    quanta: list[int]
    """For how long in all, at most, in 512 bit times of the port's speed."""
    resumes: list[int]
    """Frames that let it go on."""


class Books(Struct, frozen=True):
    """All counts of one meter, from its beginning on."""

    packets: Count
    undecodable: dict[str, Count]
    """By reason."""
    counted: Count
    """In records that were told, or will be."""
    not_sampled: Count
    """Of flows that are not followed, since too many began."""
    dropped: Count
    """Of `counted`, what was in records that nobody took in time."""
    records_dropped: int
    rewinds: int
    """How often time was set back by more than the idle timeout."""
    tunnels: list[int]
    """Packets by `fabricscope.flow.Tunnel`."""
    flows: FlowCounts
    ether_types: dict[int, Count]
    """What is not IP; -1 stands for those beyond the first 256 types."""
    pauses: dict[str, Pause]
    """By Ethernet address of the sender; the empty one stands for those beyond the first 256 senders."""
    mirrors: list[Mirror]
    mirrors_unfollowed: int
    """Numbered mirrored packets of sessions beyond the first 1,024."""

    @property
    def visibility(self) -> float:
        """Which part of what mirrors sent came here; 1 where nothing says so."""
        seen = sum(mirror.seen for mirror in self.mirrors)
        missing = sum(mirror.missing for mirror in self.mirrors)
        return seen / (seen + missing) if seen else 1.0


_BOOKS = msgspec.msgpack.Decoder(Books)


def decode_books(content: bytes) -> Books:
    """What the engine wrote. Raises msgspec.DecodeError for anything else."""
    return _BOOKS.decode(content)
