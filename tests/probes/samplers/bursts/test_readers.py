from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Now, Severity
from probes.engine import StepRing
from probes.engine.fold import ChannelWindow, GroupWindow, Window
from probes.samplers.bursts import readers
from probes.samplers.bursts.counters import Counter, Unit
from probes.samplers.bursts.pace import Change
from probes.samplers.bursts.plan import Group, Planned
from probes.samplers.bursts.readers import STALL_NS, GroupReader, Tracks
from probes.samplers.bursts.tracks import Track
from tests.fixtures.waiting import eventually

MS = 1_000_000
SECOND = 1_000_000_000
DATA = Counter("port_rcv_data", Unit.BYTES, "receive", scale=4)
WAIT = Counter("port_xmit_wait", Unit.EVENTS)
PACKETS = Counter("port_rcv_packets", Unit.PACKETS, "receive")


class FakeEngine:
    """Stands for the engine's reader: what is set on it is told back, and its windows are the test's."""

    def __init__(self, groups: object, period_ns: int, ring: object, layout: int, mono: int) -> None:
        self.groups, self.period_ns, self.layout = groups, period_ns, layout
        self.levels: dict[int, tuple[int, int]] = {}
        self.multiples: dict[int, int] = {}
        self.windows: list[Window] = []
        self.now_reading: tuple[int, int] | None = None
        self.is_alive = True

    def set_levels(self, channel: int, burst: int, calm: int) -> None:
        self.levels[channel] = (burst, calm)

    def set_multiple(self, group: int, multiple: int) -> None:
        self.multiples[group] = multiple

    def take(self) -> list[Window]:
        taken, self.windows = self.windows, []
        return taken

    def reading(self) -> tuple[int, int] | None:
        return self.now_reading

    def alive(self) -> bool:
        return self.is_alive

    def close(self) -> bool:
        self.is_alive = False
        return True


GROUPS = [
    Group("mlx5_0", "infiniband", tuple(Planned("mlx5_0", "1", each, (64, "x")) for each in (DATA, WAIT, PACKETS))),
    Group("mlx5_0", "hw_counters", (Planned("mlx5_0", "1", WAIT._replace(name="cnp"), (32, "y")),), 10 * MS),
]
RATES = {("mlx5_0", "1"): 50e9}


def at(seconds: float) -> Now:
    return Now(int((1000 + seconds) * SECOND), int(seconds * SECOND))


@pytest.fixture
def tracks() -> Tracks:
    return {each: Track(*each[:3]) for group in GROUPS for each in group.channels}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> GroupReader:
    monkeypatch.setattr(readers, "FastReader", FakeEngine)
    return GroupReader(GROUPS, 10 * MS, StepRing(1 << 20), 7, at(0))


def engine(reader: GroupReader) -> FakeEngine:
    found = reader._reader
    assert isinstance(found, FakeEngine)
    return found


def window(second: int, read_ms: float = 0.1) -> Window:
    took = int(read_ms * MS)
    channel = ChannelWindow(5, 500.0, 400.0, 0, 0, 100, 0, 0)
    groups = [GroupWindow(100, 100 * took, took), GroupWindow(20, 20 * 1000, 1000)]
    return Window(second * SECOND, (second + 1) * SECOND, 100, 0, 0, 0, 0, groups, [channel] * 4)


def test_bursts_are_measured_by_the_line_rate_in_the_devices_counts(reader: GroupReader, tracks: Tracks) -> None:
    reader.set_line_rates(RATES, tracks)
    # 50 GB/s in words of four octets; what moves at all; packets not.
    assert engine(reader).levels == {0: (11_250_000_000, 6_250_000_000), 1: (1, 1), 3: (1, 1)}
    assert [track.has_level for track in tracks.values()] == [True, True, False, True]


def test_a_line_rate_that_changes_or_is_not_known(reader: GroupReader, tracks: Tracks) -> None:
    reader.set_line_rates(RATES, tracks)
    engine(reader).levels.clear()
    reader.set_line_rates(RATES, tracks)
    assert engine(reader).levels == {}
    reader.set_line_rates({("mlx5_0", "1"): 25e9}, tracks)
    assert engine(reader).levels == {0: (5_625_000_000, 3_125_000_000)}
    reader.set_line_rates({}, tracks)
    assert engine(reader).levels == {0: (0, 0)}
    assert not next(iter(tracks.values())).has_level


def test_windows_go_to_their_tracks(reader: GroupReader, tracks: Tracks) -> None:
    engine(reader).windows = [window(0), window(1)]
    taken, changes = reader.take(tracks, at(2))
    assert (len(taken), changes) == (2, [])
    assert [next(track.readings()).value for track in tracks.values()] == [2000, 500, 500, 500]


def test_a_slow_group_is_read_less_often_and_that_is_told(reader: GroupReader, tracks: Tracks) -> None:
    assert engine(reader).multiples == {0: 1, 1: 5}
    changes: list[Change] = []
    for second in range(3):
        engine(reader).windows = [window(second, read_ms=3)]
        changes += reader.take(tracks, at(second + 1))[1]
    assert engine(reader).multiples == {0: 2, 1: 5}
    assert [(row.labels, row.value) for row in reader.periods()] == [
        (("mlx5_0", "infiniband"), 0.02),
        (("mlx5_0", "hw_counters"), 0.05),
    ]
    event = readers.changed(reader, changes[0], at(3))
    assert (event.kind, event.severity) == ("bursts.slowed", Severity.WARNING)
    assert event.subject == {"device": "mlx5_0", "source": "infiniband"}
    assert event.attributes == {"read_seconds": "0.003", "period_seconds": "0.02"}
    assert "takes 3 ms, so they are read every 20 ms only" in event.message
    restored = readers.changed(reader, Change(0, 1, False, 1000), at(4))
    assert (restored.kind, restored.severity) == ("bursts.restored", Severity.INFO)


def test_silence_is_no_number(reader: GroupReader, tracks: Tracks) -> None:
    engine(reader).windows = [window(0)]
    reader.take(tracks, at(1))
    reader.take(tracks, at(3))
    assert next(iter(tracks.values()).__next__().readings()).value == 2000
    reader.take(tracks, at(4.1))
    assert next(iter(tracks.values()).__next__().readings()).value is None


def test_a_reading_that_hangs_is_named(reader: GroupReader) -> None:
    assert reader.stalled(at(9)) is None
    engine(reader).now_reading = (1, at(9).mono)
    assert reader.stalled(at(9 + STALL_NS / SECOND - 0.1)) is None
    assert reader.stalled(at(9 + STALL_NS / SECOND)) == GROUPS[1]
    assert readers.stalled(GROUPS[1], at(12)).kind == "bursts.stalled"
    assert readers.resumed(GROUPS[1], at(12)).kind == "bursts.resumed"


def test_channels_are_told_in_their_order() -> None:
    found = readers.step_channels(GROUPS)
    assert [(each.group, each.device, each.port, each.counter, each.unit, each.scale) for each in found] == [
        (0, "mlx5_0", "1", "port_rcv_data", "bytes", 4),
        (0, "mlx5_0", "1", "port_xmit_wait", "events", 1),
        (0, "mlx5_0", "1", "port_rcv_packets", "packets", 1),
        (1, "mlx5_0", "1", "cnp", "events", 1),
    ]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[GroupReader]:
    (tmp_path / "counter").write_text("5\n")
    group = Group("x", "net", (Planned("x", "", DATA, (64, str(tmp_path / "counter"))),))
    reader = GroupReader([group], 5 * MS, StepRing(1 << 20), 0, system_clock())
    yield reader
    assert reader.close()
    assert not reader.alive()


def test_with_the_engine_itself(real: GroupReader) -> None:
    tracks = {planned: Track(*planned[:3]) for group in real.groups for planned in group.channels}
    taken = eventually(lambda: real.take(tracks, system_clock())[0])
    assert taken[0].groups[0].reads == taken[0].ticks > 0
    assert real.alive()
