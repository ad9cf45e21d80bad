"""The InfiniBand transport headers (InfiniBand specification, volume 1, chapter 9).

Base transport header, and the extended headers that its opcode says follow.
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import NamedTuple

BASE = 12
"""Octets of a base transport header."""
ICRC = 4
"""Octets of the invariant CRC."""
CNP = 0x81
"""The opcode of a congestion notification packet (annex A17)."""
MANAGEMENT_QP = 1
"""The queue pair of connection management."""
MASK = 0x00FF_FFFF
"""The bits of a sequence number, and of a queue pair number."""
RETH, AETH, ATOMIC, IMMEDIATE, INVALIDATE, FLUSH = 1, 2, 4, 8, 16, 32
"""Extended headers."""
SEQUENCE_ERROR = 0
"""Syndrome code: a packet before this one is missing."""


class Service(enum.IntEnum):
    """The transport service: the upper three bits of an opcode."""

    RC = 0
    UC = 1
    RD = 2
    UD = 3
    CNP = 4
    XRC = 5


class Kind(enum.Enum):
    """What a packet is there for."""

    SEND = 0
    WRITE = 1
    READ_REQUEST = 2
    """Asks for memory: its answer takes as many sequence numbers as it has packets."""
    READ_ANSWER = 3
    ACKNOWLEDGE = 4
    """Negative ones included."""
    ATOMIC = 5
    """COMPARE SWAP or FETCH ADD."""
    ATOMIC_ANSWER = 6
    OTHER = 7
    """FLUSH, ATOMIC WRITE, RESYNC: a request of one packet."""
    CNP = 8
    UNKNOWN = 9
    """No opcode that the specification knows."""


class Position(enum.Enum):
    """Where in its message a packet stands."""

    FIRST = 0
    MIDDLE = 1
    LAST = 2
    ONLY = 3
    OUTSIDE = 4
    """It carries no message."""


class Syndrome(enum.Enum):
    """What an acknowledgement says."""

    POSITIVE = 0
    RECEIVER_NOT_READY = 1
    RESERVED = 2
    NEGATIVE = 3


REQUESTS = frozenset({Kind.SEND, Kind.WRITE, Kind.READ_REQUEST, Kind.ATOMIC, Kind.OTHER})
ANSWERS = frozenset({Kind.READ_ANSWER, Kind.ATOMIC_ANSWER, Kind.ACKNOWLEDGE})
FORMS = {
    0x00: (Kind.SEND, Position.FIRST, 0),
    0x01: (Kind.SEND, Position.MIDDLE, 0),
    0x02: (Kind.SEND, Position.LAST, 0),
    0x03: (Kind.SEND, Position.LAST, IMMEDIATE),
    0x04: (Kind.SEND, Position.ONLY, 0),
    0x05: (Kind.SEND, Position.ONLY, IMMEDIATE),
    0x06: (Kind.WRITE, Position.FIRST, RETH),
    0x07: (Kind.WRITE, Position.MIDDLE, 0),
    0x08: (Kind.WRITE, Position.LAST, 0),
    0x09: (Kind.WRITE, Position.LAST, IMMEDIATE),
    0x0A: (Kind.WRITE, Position.ONLY, RETH),
    0x0B: (Kind.WRITE, Position.ONLY, RETH | IMMEDIATE),
    0x0C: (Kind.READ_REQUEST, Position.OUTSIDE, RETH),
    0x0D: (Kind.READ_ANSWER, Position.FIRST, AETH),
    0x0E: (Kind.READ_ANSWER, Position.MIDDLE, 0),
    0x0F: (Kind.READ_ANSWER, Position.LAST, AETH),
    0x10: (Kind.READ_ANSWER, Position.ONLY, AETH),
    0x11: (Kind.ACKNOWLEDGE, Position.OUTSIDE, AETH),
    0x12: (Kind.ATOMIC_ANSWER, Position.ONLY, AETH),
    0x13: (Kind.ATOMIC, Position.OUTSIDE, ATOMIC),
    0x14: (Kind.ATOMIC, Position.OUTSIDE, ATOMIC),
    0x15: (Kind.OTHER, Position.OUTSIDE, 0),
    0x16: (Kind.SEND, Position.LAST, INVALIDATE),
    0x17: (Kind.SEND, Position.ONLY, INVALIDATE),
    0x1C: (Kind.OTHER, Position.OUTSIDE, FLUSH | RETH),
    0x1D: (Kind.OTHER, Position.OUTSIDE, RETH),
}
"""What the lower five bits of an opcode say (table 38)."""
UNKNOWN = (Kind.UNKNOWN, Position.OUTSIDE, 0)
LENGTHS = {FLUSH: 4, RETH: 16, ATOMIC: 28, AETH: 4, IMMEDIATE: 4, INVALIDATE: 4}
"""Octets of extended headers, in the order in which they stand."""

_BASE = Struct(">BBHII")


def add(psn: int, count: int) -> int:
    """The sequence number `count` after `psn`."""
    return (psn + count) & MASK


def distance(start: int, to: int) -> int:
    """How far `to` is ahead of `start`, -2^23 to 2^23 - 1."""
    return ((to - start + 0x80_0000) & MASK) - 0x80_0000


def ahead(start: int, to: int) -> int:
    """How far `to` is ahead of `start`, 0 when it is not ahead."""
    return max(distance(start, to), 0)


class Headers(NamedTuple):
    """The headers of one packet. An extended header that was not captured is None."""

    opcode: int
    kind: Kind
    position: Position
    fecn: bool
    """Forward congestion: InfiniBand's mark."""
    destination_qp: int
    acknowledge: bool
    """The sender asks for an acknowledgement."""
    psn: int
    length: int | None
    """Octets of the whole message, of WRITE FIRST and ONLY, and of READ requests."""
    syndrome: Syndrome | None
    """Of acknowledgements and of READ answers, except in their middle."""
    code: int
    """Of a negative one: 0 PSN sequence error, 1 invalid request, 2 remote access, 3 remote operation, 4 invalid RD."""
    source_qp: int | None
    """The sender's queue pair, of UD and RD."""
    context: int | None
    """The end-to-end context of RD, or the shared receive queue of XRC."""
    payload_at: int
    """Where the payload begins, in octets from the base transport header on."""
    payload: int
    """Octets of payload on the wire. An ATOMIC answer has 8."""

    @property
    def service(self) -> int:
        """Upper three bits of the opcode."""
        return self.opcode >> 5

    def is_request(self) -> bool:
        """Whether this belongs to the sequence numbers of its sender's requests."""
        return self.kind in REQUESTS

    def is_answer(self) -> bool:
        """Whether this answers a request, and so has one of the other end's sequence numbers."""
        return self.kind in ANSWERS

    def acknowledged(self) -> int:
        """Of an answer: the number behind everything that it acknowledges."""
        return add(self.psn, 1) if self.syndrome in (None, Syndrome.POSITIVE) else self.psn


def parse(octets: bytes, wire_octets: int) -> Headers | None:
    """Reads them.

    `wire_octets` is how long the packet was from here to the end of its invariant CRC, of which less may have been
    captured. None when not even the base transport header is there.
    """
    if len(octets) < BASE:
        return None
    opcode, bits, _, destination, number = _BASE.unpack_from(octets)
    kind, position, extensions = FORMS.get(opcode & 0x1F, UNKNOWN)
    at = BASE
    source_qp = context = length = syndrome = None
    code = 0
    service = opcode >> 5
    if service == Service.UC:
        if kind not in (Kind.SEND, Kind.WRITE):
            kind, position = Kind.UNKNOWN, Position.OUTSIDE
    elif service == Service.RD or (service == Service.XRC and kind in REQUESTS):
        context = _number24(octets, at)
        at += 4
        if service == Service.RD and kind in REQUESTS:
            source_qp = _number24(octets, at + 4)
            at += 8
    elif service == Service.UD:
        if kind is not Kind.SEND or position is not Position.ONLY:
            kind, position = Kind.UNKNOWN, Position.OUTSIDE
        source_qp = _number24(octets, at + 4)
        at += 8
    elif service not in (Service.RC, Service.XRC):
        kind, position, extensions = UNKNOWN
        if opcode == CNP:
            kind = Kind.CNP
            at += 16
    if kind is not Kind.UNKNOWN:
        for extension, count in LENGTHS.items():
            if not extensions & extension:
                continue
            header = octets[at : at + count]
            if len(header) == count and extension == RETH:
                length = int.from_bytes(header[12:])
            elif len(header) == count and extension == AETH:
                syndrome, code = Syndrome(header[0] >> 5 & 3), header[0] & 0x1F
            at += count
    return Headers(
        opcode,
        kind,
        position,
        destination >> 31 != 0,
        destination & MASK,
        number >> 31 != 0,
        number & MASK,
        length,
        syndrome,
        code,
        source_qp,
        context,
        at,
        max(0, wire_octets - at - (bits >> 4 & 3) - ICRC),
    )


def _number24(octets: bytes, at: int) -> int | None:
    """A number in the lower 24 bits of the word at `at`."""
    word = octets[at : at + 4]
    return int.from_bytes(word) & MASK if len(word) == 4 else None
