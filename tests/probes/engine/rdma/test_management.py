from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rdma.management import (
    MAX_EXCHANGES,
    Disconnect,
    Disconnected,
    Exchanges,
    Reply,
    Request,
    fields_of,
    parse,
    port,
)


def datagram(kind: int, data: bytes) -> bytes:
    return struct.pack("!BBH12xH6x", 1, 7, 0, kind) + data


def request(version: int = 4) -> bytes:
    data = bytearray(140)
    data[0:4] = struct.pack("!I", 5)
    data[8:16] = struct.pack("!Q", 0x0106_0000 + 4420)
    data[32:36] = struct.pack("!I", 77 << 8)
    data[44:48] = struct.pack("!I", 99 << 8)
    data[50] = 3 << 4
    private = struct.pack("!BBH", 0, version << 4, 4000) + bytes(12) + b"\x0a\0\0\1" + bytes(10) + b"\xff\xff\x0a\0\0\2"
    return datagram(0x10, bytes(data) + private)


def test_a_request_and_what_it_says() -> None:
    found = parse(request())
    assert isinstance(found, Request)
    assert (found.communication, found.qp, found.psn, found.mtu, found.service) == (5, 77, 99, 1024, 0)
    assert fields_of(found) == [
        ("service_id", "0x0000000001061144"), ("port", "4420"), ("source_port", "4000"), ("source", "10.0.0.1"),
        ("destination", "10.0.0.2"),
    ]  # fmt: skip
    newer = parse(request(6))
    assert isinstance(newer, Request)
    assert dict(fields_of(newer))["destination"] == "::ffff:10.0.0.2"
    assert (port(5), port(0x0106_0005)) == (None, 5)


def test_the_others() -> None:
    data = struct.pack("!IIIIII", 1, 2, 3 << 8, 4 << 8, 0, 5 << 8)
    assert parse(datagram(0x13, data)) == Reply(2, 4, 5)
    assert parse(datagram(0x15, data)) == Disconnect(1, 3)
    assert parse(datagram(0x16, data)) == Disconnected(2)
    assert parse(datagram(0x12, data)) is None
    assert parse(b"\2" + request()[1:]) is None


@given(st.binary(max_size=60), st.sampled_from([0x10, 0x12, 0x13, 0x14, 0x15, 0x16]))
def test_any_octets(data: bytes, kind: int) -> None:
    assert parse(data) is None
    parse(datagram(kind, data))


def test_exchanges_are_bounded() -> None:
    exchanges: Exchanges[str, int] = Exchanges()
    for number in range(MAX_EXCHANGES + 1):
        exchanges.insert("pair", number, number)
    exchanges.insert("pair", 5, 7)
    assert (exchanges.get("pair", 0), exchanges.get("pair", 1), exchanges.get("pair", 5)) == (None, 1, 7)
