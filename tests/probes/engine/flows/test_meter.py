"""The flow meter, Rust's and Python's. Frames are made octet by octet."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabricscope.books import Count, decode_books
from fabricscope.flow import EndReason, FlowRecord, decode_records
from tests.probes.engine.frames import (
    ACK,
    CLIENT,
    ETHERNET,
    FIN,
    MS,
    SECOND,
    SERVER,
    START,
    SYN,
    ethernet,
    tcp,
    udp,
)


def make(engine: Any, **told: Any) -> Any:
    return engine.Meter(json.dumps(told).encode())


def observe(told: Any, time_ns: int, *frames: bytes) -> None:
    for frame in frames:
        told.observe(time_ns, ETHERNET, frame, len(frame))


def finished(told: Any) -> list[FlowRecord]:
    assert told.finish()
    return decode_records(told.take())


def test_a_connection_becomes_a_record(engine: Any) -> None:
    told = make(engine)
    observe(told, START, tcp(CLIENT, SERVER, SYN, 99, 0))
    observe(told, START + 2 * MS, tcp(SERVER, CLIENT, SYN | ACK, 499, 100))
    observe(told, START + 3 * MS, tcp(CLIENT, SERVER, ACK, 100, 500), tcp(CLIENT, SERVER, ACK, 100, 500, b"GET /"))
    observe(told, START + 4 * MS, tcp(CLIENT, SERVER, ACK, 100, 500, b"GET /"))
    observe(told, START + 6 * MS, tcp(SERVER, CLIENT, ACK | FIN, 500, 105))
    observe(told, START + 7 * MS, tcp(CLIENT, SERVER, ACK | FIN, 105, 501))
    observe(told, START + 8 * MS, tcp(SERVER, CLIENT, ACK, 501, 106))
    told.advance(START + 5 * SECOND)
    (record,) = decode_records(told.take())
    key = record.key
    assert (key.source, key.source_port, key.destination, key.destination_port) == CLIENT + SERVER
    assert (record.end_reason, record.start_ns, record.end_ns) == (EndReason.END_OF_FLOW, START, START + 8 * MS)
    assert (record.forward.packets, record.reverse.packets) == (5, 3)
    assert (record.forward.payload_octets, record.forward.tcp_flags) == (10, SYN | ACK | FIN)
    assert record.tcp is not None
    assert (record.tcp.handshake_ns, record.tcp.forward.retransmissions) == (3 * MS, 1)
    assert (record.sampling, record.rdma, record.visibility) == (1, None, 1.0)
    assert sum(record.features.sizes_forward) == 5
    books = decode_books(told.books())
    assert books.flows.told == (0, 0, 1, 0, 0)
    assert books.counted == books.packets
    assert books.visibility == 1


def test_what_is_not_ip_is_counted_by_its_type_and_pauses_by_priority(engine: Any) -> None:
    told = make(engine)
    control = struct.pack("!HH8H", 0x0101, 0b1000, *[65535] * 8)
    observe(told, START, ethernet(0x8808, control), ethernet(0x88CC, bytes(10), sender=2))
    told.observe(START, ETHERNET, b"short", 1500)
    books = decode_books(told.books())
    assert books.ether_types == {0x8808: Count(1, 34), 0x88CC: Count(1, 24)}
    assert list(books.pauses) == ["02:00:00:00:00:01"]
    pause = books.pauses["02:00:00:00:00:01"]
    assert (pause.frames, pause.quanta[3]) == ([0, 0, 0, 1, 0, 0, 0, 0, 0], 65535)
    assert books.undecodable["truncated"] == Count(1, 1500)
    assert len(finished(told)) == 2


def capture(engine: Any, path: Path, *frames: bytes) -> Any:
    """A pcap file with nanoseconds, opened."""
    header = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, ETHERNET)
    packets = (struct.pack("<IIII", 1_700_000_000, n, len(frame), len(frame)) + frame for n, frame in enumerate(frames))
    path.write_bytes(header + b"".join(packets))
    return engine.CaptureFile(str(path))


def test_a_capture_is_read_as_far_as_there_is_room_for_records(engine: Any, tmp_path: Path) -> None:
    frames = [udp((CLIENT[0], port), SERVER, b"x") for port in range(1000, 1010)]
    file = capture(engine, tmp_path / "capture.pcap", *frames)
    told = make(engine, max_records=4)
    assert [told.read(file, limit) for limit in (3, 100, 100)] == [3, 7, 0]
    assert decode_books(told.books()).counted == Count(10, 43 * 10)
    assert not told.finish()
    assert told.read(file, 1) == 0
    (first, *_) = decode_records(told.take())
    assert (first.start_ns, first.forward.payload_octets) == (START, 1)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        told.read(file, 1)
    with pytest.raises(TypeError):
        told.read(b"", 1)


def test_payload_is_looked_at_by_rules(engine: Any) -> None:
    test = {"side": "client", "patterns": ["^GET "], "within": None, "checks": [], "message": "first"}
    way = {"name": "", "confidence": 0.9, "packets": 1, "ports_required": False, "tests": [test], "not": []}
    rule = {
        "name": "web", "label": "http", "transports": ["tcp"], "ports": [], "refines": [], "extract": None,
        "fields": [], "listen": 0, "alternatives": [way],
    }  # fmt: skip
    told = make(engine)
    told.set_rules(engine.Classifier(json.dumps({"version": 1, "rules": [rule]}).encode()))
    observe(told, START, tcp(CLIENT, SERVER, SYN, 99, 0), tcp(CLIENT, SERVER, ACK, 100, 500, b"GET / HTTP/1.1"))
    (record,) = finished(told)
    assert (record.classification.label, record.classification.rule) == ("http", "web")


def test_settings_that_are_wrong_are_named(engine: Any) -> None:
    with pytest.raises(ValueError, match="idle_ns is 5, and may be 1000000 to"):
        make(engine, idle_ns=5)
    with pytest.raises(ValueError, match="unknown field `flows`"):
        make(engine, flows=5)


def test_a_flood_is_sampled_and_says_so(engine: Any) -> None:
    told = make(engine, max_flows=100, sampling=10)
    observe(told, START, *(udp((CLIENT[0], port), SERVER) for port in range(1000, 6000)))
    books = decode_books(told.books())
    assert books.not_sampled.packets > 4000
    assert books.packets.packets == books.counted.packets + books.not_sampled.packets == 5000
    assert books.flows.sampling > 1
    records = finished(told)
    assert records[0].sampling == 10
    assert max(record.sampling for record in records) > 10


def test_records_that_nobody_takes_stay_few(engine: Any) -> None:
    told = make(engine, max_records=3)
    observe(told, START, *(udp((CLIENT[0], port), SERVER) for port in range(1000, 1008)))
    assert not told.finish()
    taken = len(decode_records(told.take()))
    while not told.finish():
        taken += len(decode_records(told.take()))
    assert taken + len(decode_records(told.take())) == 8


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=120), st.integers(0, 2**32 - 1))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_frames_are_in_the_books(engine: Any, frames: list[tuple[int, bytes, int]]) -> None:
    told = make(engine, max_flows=4)
    for time_ns, octets, wire in frames:
        told.observe(time_ns, ETHERNET, octets, wire)
    records = finished(told)
    books = decode_books(told.books())
    undecodable = sum(count.packets for count in books.undecodable.values())
    assert undecodable + books.counted.packets + books.not_sampled.packets == len(frames)
    assert sum(record.forward.packets + record.reverse.packets for record in records) == books.counted.packets
