from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.codec import decode_events
from fabricscope.model import Event, Now, Sampled, Severity
from fabricscope.tally import Tally
from fabricscope.v1 import stream_pb2
from probes.delivery import MAX_LOGGED, Delivery
from probes.health.running import RunningHealth
from probes.health.settings import HealthSettings
from probes.message import MessageKind
from probes.own_metrics import SAMPLER_RUNS, OwnMetrics
from probes.recorder.recorder import Recorder
from probes.recorder.settings import EvidenceSettings, FlightSettings, RecorderSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result
from tests.probes.conftest import LogLines
from tests.probes.desk import Desk
from tests.probes.made import SECOND, at, event, sampled


def clock() -> Now:
    return at(7)


class Place:
    """A delivery with all that it hands on to."""

    def __init__(self, desk: Desk | None, folder: Path, *, health: bool = True) -> None:
        self.tally = Tally()
        self.latest: dict[str, Sampled] = {}
        own = OwnMetrics(self.tally, "1", "rust", {}, Pipeline("probe", SECOND), clock)
        judge = RunningHealth(HealthSettings(state=""), Pipeline("health", SECOND), clock) if health else None
        off = RecorderSettings(
            directory=str(folder), evidence=EvidenceSettings(enabled=False), flight=FlightSettings(enabled=False)
        )
        self.recorder = Recorder(off, "n1", clock, self.tally, lambda: None)
        self.delivery = Delivery(own, judge, self.recorder, None if desk is None else desk.outbox, self.latest)


async def test_a_round_is_counted_shown_and_sent_events_first(desk: Desk, tmp_path: Path) -> None:
    place = Place(desk, tmp_path)
    batch = sampled(at(7))
    place.delivery([Outcome("test", Result.OK, batch, [event(at(7))], 2, 5)])
    assert place.tally.get(SAMPLER_RUNS, "test", "ok") == 1
    assert place.latest == {"test": batch}
    await desk.outbox.wait()
    kinds: list[MessageKind] = []
    while len(kinds) < 2:
        kinds = [message.kind for message in await desk.outbox.pending(0, 1 << 20)]
    assert kinds == [MessageKind.EVENTS, MessageKind.SAMPLES]
    await place.recorder.close()


async def test_verdicts_leave_with_the_round_that_led_to_them(desk: Desk, tmp_path: Path, log_lines: LogLines) -> None:
    place = Place(desk, tmp_path)
    xid = Event(7, 7, "kernel.xid", Severity.CRITICAL, "79", {"address": "0000:17:00.0"}, {"number": "79"})
    place.delivery([Outcome("kernel", Result.OK, None, [xid], 0, 5)])
    await desk.outbox.wait()
    (message,) = await desk.outbox.pending(0, 1 << 20)
    told = decode_events(stream_pb2.StreamRequest.FromString(message.payload).events)
    assert [one.kind for one in told] == ["kernel.xid", "verdict.raised"]
    assert told[1].subject == {"address": "0000:17:00.0"}
    assert "verdict.raised" in [line["event"] for line in log_lines]
    await place.recorder.close()


async def test_without_health_and_collectors_the_rest_goes_on(tmp_path: Path) -> None:
    place = Place(None, tmp_path, health=False)
    place.delivery([Outcome("test", Result.OK, sampled(at(7)), [], 2, 5)])
    assert list(place.latest) == ["test"]
    await place.recorder.close()


@pytest.mark.parametrize(
    ("severity", "level"),
    [(Severity.INFO, "info"), (Severity.WARNING, "warning"), (Severity.CRITICAL, "error")],
)
async def test_an_event_is_logged_as_severe_as_it_is(
    severity: Severity, level: str, tmp_path: Path, log_lines: LogLines
) -> None:
    place = Place(None, tmp_path, health=False)
    place.delivery([Outcome("test", Result.OK, None, [Event(7, 7, "test.said", severity, "text")], 0, 5)])
    assert [line["log_level"] for line in log_lines if line["event"] == "test.said"] == [level]
    await place.recorder.close()


@pytest.mark.parametrize("count", [1, MAX_LOGGED + 5])
async def test_events_are_logged_within_a_bound(count: int, tmp_path: Path, log_lines: LogLines) -> None:
    place = Place(None, tmp_path, health=False)
    place.delivery([Outcome("test", Result.OK, None, [event(at(7))] * count, 0, 5)])
    assert [line["event"] for line in log_lines].count("test.down") == min(count, MAX_LOGGED)
    assert [line["count"] for line in log_lines if line["event"] == "more events"] == ([5] if count > 1 else [])
    assert {line["log_level"] for line in log_lines if line["event"] == "test.down"} == {"warning"}
    assert event(at(7)).severity is Severity.WARNING
    await place.recorder.close()
