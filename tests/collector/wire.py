"""Messages of an imaginary probe, for the collector's tests."""

from __future__ import annotations

from collections.abc import Sequence

from fabricscope.assemble import Assembler
from fabricscope.codec import encode_events, encode_hello, encode_samples, encode_series_set
from fabricscope.model import Event, HostIdentity, Kind, MetricSpec, Now, Quality, Reading, Sampled, Severity
from fabricscope.v1 import stream_pb2

SECOND = 1_000_000_000

BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",), "bytes")
SPEED = MetricSpec("fabricscope_test_speed", Kind.GAUGE, "Speed.", ("device",))


def at(seconds: float, wall: float | None = None) -> Now:
    """A moment `seconds` into the test; its wall clock stands elsewhere when `wall` says so."""
    return Now(int((1_000_000 + (seconds if wall is None else wall)) * SECOND), int(seconds * SECOND))


def identity(host: str = "n1", epoch: str = "e1", **labels: str) -> HostIdentity:
    return HostIdentity(host, "boot", epoch, labels, "0.1.0")


def sampled(
    now: Now, value: int = 1, sampler: str = "test", devices: Sequence[str] = ("a", "b"), interval: int = 1
) -> Sampled:
    """One batch of a counter and a gauge for each device."""
    readings = [
        reading
        for device in devices
        for reading in (Reading(BYTES, (device,), value), Reading(SPEED, (device,), value / 2, Quality.OK))
    ]
    return Assembler(sampler, interval * SECOND).assemble(readings, now)


def event(now: Now, kind: str = "ethernet.down") -> Event:
    return Event(now.wall, now.mono, kind, Severity.WARNING, "eth0 is down", {"device": "eth0"}, {"why": "test"})


def hello(who: HostIdentity) -> stream_pb2.StreamRequest:
    return encode_hello(who)


def declaration(batch: Sampled) -> stream_pb2.StreamRequest:
    return encode_series_set(batch.series_set)


def samples(sequence: int, *batches: Sampled, sent: Now | None = None) -> stream_pb2.StreamRequest:
    request = encode_samples(batch.batch for batch in batches)
    request.sequence = sequence
    request.sent_unix_nano = sent.wall if sent else batches[0].batch.time_unix_ns
    return request


def events(sequence: int, *rows: Event) -> stream_pb2.StreamRequest:
    request = encode_events(rows)
    request.sequence = sequence
    return request
