"""Made-up metrics, batches and events for the probe's tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabricscope.assemble import Assembler
from fabricscope.model import Event, Kind, MetricSpec, Now, Overflow, Quality, Reading, Sampled, Severity, Watch

SECOND = 1_000_000_000

BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",), "bytes")
SPEED = MetricSpec("fabricscope_test_speed", Kind.GAUGE, "Speed.", ("device",), watch=Watch.CHANGE, link="test")
UP = MetricSpec("fabricscope_test_up", Kind.GAUGE, "Up.", ("device",), watch=Watch.UP_DOWN, link="test")
FLAPS = MetricSpec(
    "fabricscope_test_flaps_total", Kind.COUNTER, "Flaps.", ("device",), watch=Watch.FLAPS, link="test", bits=32
)
NARROW = MetricSpec(
    "fabricscope_test_errors_total", Kind.COUNTER, "Errors.", ("device",), bits=16, overflow=Overflow.SATURATES
)


def at(seconds: float, wall: float | None = None) -> Now:
    """A moment `seconds` into the test; its wall clock stands elsewhere when `wall` says so."""
    return Now(int((1_000_000 + (seconds if wall is None else wall)) * SECOND), int(seconds * SECOND))


def readings(value: int = 1, devices: Sequence[str] = ("a", "b")) -> list[Reading]:
    return [Reading(BYTES, (device,), value, Quality.OK) for device in devices]


def sampled(now: Now, value: int = 1, sampler: str = "test", devices: Sequence[str] = ("a", "b")) -> Sampled:
    return Assembler(sampler, SECOND).assemble(readings(value, devices), now)


def event(now: Now, kind: str = "test.down") -> Event:
    return Event(now.wall, now.mono, kind, Severity.WARNING, "a is down", {"device": "a"}, {"why": "test"})


def damage(spool: Path) -> None:
    """Overwrite a spool's file behind its first page, as a failing disk may."""
    size = spool.stat().st_size
    with spool.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
