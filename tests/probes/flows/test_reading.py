from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.clock import NANOSECONDS
from fabricscope.model import Now
from probes.flows import reading as module
from probes.flows.judging import Judging
from probes.flows.language.rule_files import Rules
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from probes.flows.reading import Reading
from tests.probes.engine.conftest import native, needs_native
from tests.probes.engine.test_capture import pcap, roce

pytestmark = [needs_native]


class Wall:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 0
        self.waited: list[float] = []
        self.enough = False

    def __call__(self) -> Now:
        return Now(self.now, self.now)

    def pause(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += round(seconds * NANOSECONDS)
        return self.enough


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def reading(wall: Wall) -> Reading:
    meter = make_meter(MeterSettings(idle_seconds=1000, active_seconds=1000), make_classifier(Rules()))
    return Reading(meter, Judging(Rules(), "x"), wall)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(roce(1, 2), roce(2, 1), roce(3, 4)))
    return path


def test_files_are_one_capture(reading: Reading, capture: Path) -> None:
    for _ in range(2):
        file = native().CaptureFile(str(capture))
        steps = list(reading.read(file))
        reading.close(file)
        assert steps[-1].packets == 3
        assert steps[-1].octets == steps[-1].size == capture.stat().st_size
    flows = [flow for judged in reading.finish() for flow in judged.flows]
    assert sum(flow.record.forward.packets + flow.record.reverse.packets for flow in flows) == 6
    assert len(flows) == 3, "a flow goes on from one file to the next"
    assert reading.books().packets.packets == 6
    assert reading.capture(["a", "b"]) == {"files": ["a", "b"], "filtered": 0, "dropped": None, "notices": []}


def test_it_is_read_in_steps(reading: Reading, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKETS", 2)
    assert [step.packets for step in reading.read(native().CaptureFile(str(capture)))] == [2, 3, 3]


@pytest.mark.parametrize("paced", [False, True])
def test_what_is_wrong_is_a_notice_and_what_came_before_counts(
    paced: bool, reading: Reading, wall: Wall, capture: Path
) -> None:
    capture.write_bytes(capture.read_bytes()[:-1])
    file = native().CaptureFile(str(capture))
    assert list(reading.read_in_pace(file, wall.pause) if paced else reading.read(file))
    assert reading.books().packets.packets == 2
    (notice,) = reading.notices
    assert "ends inside the record" in notice


def test_packets_are_read_as_slowly_as_they_came(reading: Reading, wall: Wall, capture: Path) -> None:
    list(reading.read_in_pace(native().CaptureFile(str(capture)), wall.pause))
    assert wall.waited == [1.0, 1.0]
    assert reading.books().packets.packets == 3


def test_who_is_behind_waits_for_nothing(reading: Reading, wall: Wall, capture: Path) -> None:
    class Slow(Wall):
        def __call__(self) -> Now:
            self.now += 5 * NANOSECONDS
            return super().__call__()

    slow = Slow()
    reading._clock = slow
    list(reading.read_in_pace(native().CaptureFile(str(capture)), slow.pause))
    assert slow.waited == []


def test_waiting_ends_when_it_is_enough(reading: Reading, wall: Wall, capture: Path) -> None:
    wall.enough = True
    list(reading.read_in_pace(native().CaptureFile(str(capture)), wall.pause))
    assert wall.waited == [1.0]
    assert reading.books().packets.packets == 1


def test_what_the_filter_left_out_is_known(reading: Reading, capture: Path) -> None:
    nothing = [(6, 0, 0, 0)]
    file = native().CaptureFile(str(capture), filter=[(1, nothing)])
    list(reading.read(file))
    reading.close(file)
    assert reading.capture([])["filtered"] == 3
