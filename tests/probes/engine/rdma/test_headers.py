from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rdma.headers import MASK, Kind, Position, Syndrome, add, ahead, distance, parse
from tests.probes.engine.frames import transport
from tests.probes.engine.rdma.made import NOT_READY, POSITIVE, SEQUENCE_ERROR, reth


def test_numbers_wrap_at_24_bits() -> None:
    assert (add(MASK, 1), distance(MASK, 1), distance(1, MASK), ahead(5, 3)) == (0, 2, -2, 0)
    assert (distance(0, 0x800000), distance(0, 0x7FFFFF)) == (-0x800000, 0x7FFFFF)


@pytest.mark.parametrize(
    ("opcode", "extended", "kind", "position", "payload"),
    [
        (0x04, b"", Kind.SEND, Position.ONLY, 4),
        (0x06, reth(99), Kind.WRITE, Position.FIRST, 4),
        (0x0B, reth(99) + bytes(4), Kind.WRITE, Position.ONLY, 4),
        (0x0C, reth(99), Kind.READ_REQUEST, Position.OUTSIDE, 4),
        (0x10, POSITIVE, Kind.READ_ANSWER, Position.ONLY, 4),
        (0x13, bytes(28), Kind.ATOMIC, Position.OUTSIDE, 4),
        (0x44, bytes(12), Kind.SEND, Position.ONLY, 4),
        (0x64, bytes(8), Kind.SEND, Position.ONLY, 4),
        (0xA4, bytes(4), Kind.SEND, Position.ONLY, 4),
        (0x81, bytes(16), Kind.CNP, Position.OUTSIDE, 4),
        (0x2C, b"", Kind.UNKNOWN, Position.OUTSIDE, 4),
        (0x1F, b"", Kind.UNKNOWN, Position.OUTSIDE, 4),
        (0xE0, b"", Kind.UNKNOWN, Position.OUTSIDE, 4),
    ],
)
def test_headers_by_opcode(opcode: int, extended: bytes, kind: Kind, position: Position, payload: int) -> None:
    octets = transport(opcode, 7, 9, extended + b"data", asks=True)
    headers = parse(octets, len(octets))
    assert headers is not None
    assert (headers.kind, headers.position, headers.payload) == (kind, position, payload)
    assert (headers.destination_qp, headers.psn, headers.acknowledge) == (7, 9, True)


def test_what_acknowledgements_say() -> None:
    for said, syndrome, number in (
        (POSITIVE, Syndrome.POSITIVE, 10), (NOT_READY, Syndrome.RECEIVER_NOT_READY, 9),
        (SEQUENCE_ERROR, Syndrome.NEGATIVE, 9), (b"\x40\0\0\0", Syndrome.RESERVED, 9),
    ):  # fmt: skip
        octets = transport(0x11, 7, 9, said)
        headers = parse(octets, len(octets))
        assert headers is not None
        assert (headers.syndrome, headers.acknowledged()) == (syndrome, number)
    padded = struct.pack("!BBHII", 4, 0x30, 0, 0x8000_0007, 9) + bytes(8)
    headers = parse(padded, len(padded))
    assert headers is not None
    assert (headers.payload, headers.fecn) == (1, True)


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_any_octets(octets: bytes, wire: int) -> None:
    assert (parse(octets, wire) is None) == (len(octets) < 12)
