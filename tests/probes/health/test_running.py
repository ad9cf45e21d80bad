from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Event, Now, Severity
from fabricscope.settings import SettingsError
from probes.health import metrics
from probes.health.running import INTERVAL_NS, RunningHealth
from probes.health.settings import HealthSettings
from probes.health.state_file import read_pasts, read_state
from probes.once import values
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result
from probes.sources.host import boot_id
from tests.probes.conftest import LogLines
from tests.probes.health.host import at, specs
from tests.probes.health.made import Row, batch

LOST = "fabricscope_gpu_up"


class Clock:
    def __init__(self) -> None:
        self.second = 0.0

    def __call__(self) -> Now:
        return at(self.second)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def running(path: Path | str, clock: Clock, previous: RunningHealth | None = None) -> RunningHealth:
    settings = HealthSettings(state=str(path) if path else "")
    return RunningHealth(settings, Pipeline("health", INTERVAL_NS), clock, previous)


def outcome(clock: Clock, up: float, events: list[Event] | None = None) -> Outcome:
    rows: list[Row] = [(specs()[LOST], ("0",), up)]
    return Outcome("gpu", Result.OK, batch(clock(), rows, "gpu"), events or [], 1, 1)


def shown(made: Outcome) -> dict[str, float | None]:
    assert made.sampled is not None
    return {
        f"{row.series.spec.name.removeprefix('fabricscope_health_')} {' '.join(row.series.labels)}".rstrip(): row.value
        for row in values(made.sampled)
    }


async def test_it_judges_rounds_and_is_sampled(tmp_path: Path, clock: Clock) -> None:
    tested = running(tmp_path / "health.json", clock)
    (raised,) = tested.observe([outcome(clock, 0)])
    assert (raised.kind, raised.subject) == ("verdict.raised", {"gpu": "0"})
    made = await tested.tick()
    assert (made.sampler, made.result) == ("health", Result.OK)
    found = shown(made)
    assert found["verdicts critical"] == 1
    assert found["verdict_events_total raised"] == 1
    assert found["failures_total judge"] == 0
    assert any(name.startswith("verdict gpu-lost critical") for name in found)
    assert {spec.name for spec in metrics.METRICS} >= {row.spec.name for row in made.sampled.series_set.gauges}  # type: ignore[union-attr]
    state = read_state(tmp_path / "health.json")
    assert state is not None
    assert [verdict.rule for verdict in state.verdicts] == ["gpu-lost"]


async def test_it_goes_on_after_a_restart_and_a_reload(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "health.json"
    before = running(path, clock)
    before.observe([outcome(clock, 0)])
    before.close()
    assert read_pasts(path) is not None
    clock.second = 60
    after = running(path, clock)
    assert after.observe([outcome(clock, 0)]) == []
    reloaded = running(path, clock, after)
    assert reloaded.observe([outcome(clock, 0)]) == []
    assert shown(await reloaded.tick())["verdicts critical"] == 1


@pytest.mark.parametrize("content", [b"{}", b"\x00\xff", b'{"version": 7}'])
async def test_a_hostile_state_is_logged_and_as_if_it_were_not_there(
    tmp_path: Path, clock: Clock, log_lines: LogLines, content: bytes
) -> None:
    path = tmp_path / "health.json"
    path.write_bytes(content)
    tested = running(path, clock)
    assert [line["log_level"] for line in log_lines] == ["warning"]
    assert str(path) in log_lines[0]["reason"]
    await tested.tick()
    assert read_state(path) is not None


async def test_a_state_that_cannot_be_written_is_logged_once_and_counted(
    tmp_path: Path, clock: Clock, log_lines: LogLines
) -> None:
    (tmp_path / "file").touch()
    tested = running(tmp_path / "file" / "health.json", clock)
    for _ in range(3):
        made = await tested.tick()
    assert shown(made)["failures_total write"] == 2
    assert len([line for line in log_lines if "remedy" in line]) == 1
    tested.close()


async def test_without_a_file_nothing_is_kept(clock: Clock, log_lines: LogLines) -> None:
    tested = running("", clock)
    await tested.tick()
    tested.close()
    assert log_lines == []


def test_what_breaks_in_judging_is_counted_and_stops_nothing(
    clock: Clock, log_lines: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = running("", clock)

    def breaks(*_: object) -> list[Event]:
        raise ZeroDivisionError

    monkeypatch.setattr(tested._health, "observe", breaks)
    assert tested.observe([outcome(clock, 0)]) == []
    assert tested.observe([outcome(clock, 0)]) == []
    assert len(log_lines) == 1


def test_rules_that_cannot_be_used_are_an_error_at_the_start(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "mine.yaml").write_text("rules: {gpu-lots: {enabled: false}}")
    settings = HealthSettings(rules=(str(tmp_path),), state="")
    with pytest.raises(SettingsError, match="did you mean 'gpu-lost'"):
        RunningHealth(settings, Pipeline("health", INTERVAL_NS), clock)


def test_a_rule_that_asks_for_what_no_sampler_has_is_logged(tmp_path: Path, clock: Clock, log_lines: LogLines) -> None:
    (tmp_path / "mine.yaml").write_text("rules: {gpu-lost: {check: {of: fabricscope_gpu_upp}}}")
    settings = HealthSettings(rules=(str(tmp_path),), state="")
    RunningHealth(settings, Pipeline("health", INTERVAL_NS), clock, None, specs().values())
    assert [line["problem"] for line in log_lines] == [
        "rule gpu-lost: 'fabricscope_gpu_upp' is not a known metric; did you mean 'fabricscope_gpu_up'?"
    ]


def test_events_of_samplers_are_heard(clock: Clock) -> None:
    tested = running("", clock)
    event = Event(1, 1, "gpu.hung", Severity.CRITICAL, "GPU 3 hangs", {"gpu": "3"})
    (raised,) = tested.observe([outcome(clock, 1, [event])])
    assert raised.attributes["rule"] == "gpu-hung"


async def test_what_fails_at_present_and_what_was_examined_is_in_the_state(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "health.json"
    tested = running(path, clock)
    failed = Outcome("pcie", Result.FAILED, None, [], 0, 1, reason="OSError: no bus")
    tested.observe([outcome(clock, 1), failed])
    await tested.tick()
    state = read_state(path)
    assert state is not None
    assert (state.failures, state.examined) == ({"pcie": "OSError: no bus"}, {"gpu": 1})
    assert state.ended_unix_ns is None
    tested.observe([Outcome("pcie", Result.OK, None, [], 0, 1)])
    tested.close()
    state = read_state(path)
    assert state is not None
    assert (state.failures, state.ended_unix_ns) == ({}, clock().wall)
    assert state.boot_id == boot_id(Path("/proc"))
