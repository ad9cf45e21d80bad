from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fabricscope import plugins
from fabricscope.clock import system_clock
from fabricscope.model import Now, Reading
from fabricscope.settings import SettingsError
from probes.health.doctor import FRESH_NS, examine
from probes.health.report import Status
from probes.health.state import State
from probes.health.state_file import write
from probes.sources import host
from tests.fixtures.samplers import FakeSampler, install
from tests.probes.health.host import specs

# Before a test installs samplers of its own.
UP, REPLAYS = specs()["fabricscope_gpu_up"], specs()["fabricscope_gpu_pcie_replays_total"]


def lost(_: Now) -> Iterable[Reading]:
    return [Reading(UP, ("0",), 0.0)]


def fails(_: Now) -> Iterable[Reading]:
    raise OSError("no bus")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state file that is configured."""
    path = tmp_path / "health.json"
    install(monkeypatch, plugins.SAMPLERS, {"gpu": FakeSampler(lost), "pcie": FakeSampler(fails)})
    return path


def configured(state: Path, **probe: object) -> dict[str, Any]:
    return {"probe": {"health": {"state": str(state)}, **probe}}


def probe_wrote(path: Path, age_ns: int, **more: Any) -> None:
    now = system_clock()
    write(
        path,
        State(
            written_unix_ns=now.wall - age_ns,
            started_unix_ns=0,
            rules=7,
            verdicts=(),
            **{"examined": {"gpu": 8}, **more},
        ),
    )


def test_samples_by_itself_when_no_probe_runs(state: Path) -> None:
    found = examine(configured(state, host="n1"), 0.0, system_clock, fresh=False)
    assert (found.source, found.status) == ("samples", Status.CRITICAL)
    assert [verdict.rule for verdict in found.verdicts] == ["gpu-lost"]
    assert found.failures == {"pcie": "OSError: no bus"}
    assert found.examined == {"gpu": 1}
    assert not state.exists()


def test_a_running_probe_is_asked_by_its_file(state: Path) -> None:
    probe_wrote(state, 1_000_000_000)
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert (found.source, found.rules, found.status) == ("probe", 7, Status.OK)
    assert 0 < found.age_ns < FRESH_NS


def test_a_file_that_is_old_or_not_wanted_is_not_taken(state: Path) -> None:
    probe_wrote(state, FRESH_NS + 1_000_000_000)
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "samples"
    probe_wrote(state, 0)
    assert examine(configured(state), 0.0, system_clock, fresh=True).source == "samples"


def test_a_file_from_the_future_is_not_taken(state: Path) -> None:
    probe_wrote(state, -FRESH_NS)
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "samples"


def test_a_hostile_file_is_noted(state: Path) -> None:
    state.write_bytes(b"\x00")
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert found.source == "samples"
    assert str(state) in found.notes[0]


def test_rules_that_cannot_be_judged_in_the_time_are_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def counts(_: Now) -> Iterable[Reading]:
        return [Reading(REPLAYS, ("0",), 5)]

    install(monkeypatch, plugins.SAMPLERS, {"gpu": FakeSampler(counts)})
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert [(one.rule, one.things, one.known) for one in found.unjudged] == [("gpu-pcie-replays", 1, 0)]
    assert found.status is Status.OK
    assert state.parent.exists()


def test_nothing_sampled_is_not_healthy(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, plugins.SAMPLERS, {"pcie": FakeSampler(fails), "x": ImportError("no")})
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert found.status is Status.UNKNOWN
    assert set(found.failures) == {"pcie", "x"}
    assert state.name


def test_settings_that_are_wrong_are_an_error() -> None:
    with pytest.raises(SettingsError, match="did you mean 'host'"):
        examine({"probe": {"hots": "x"}}, 0.0, system_clock, fresh=False)


def test_what_fails_in_a_running_probe_is_told(state: Path) -> None:
    probe_wrote(state, 0, failures={"gpu": "NvmlError: driver/library version mismatch"})
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert (found.source, found.status) == ("probe", Status.CRITICAL)
    assert found.failures == {"gpu": "NvmlError: driver/library version mismatch"}


def test_a_probe_that_has_just_begun_may_only_be_starting(state: Path) -> None:
    begun = {"started_unix_ns": system_clock().wall}
    now = system_clock().wall
    fields = {"written_unix_ns": now, "rules": 7, "verdicts": (), "examined": {"gpu": 8}}
    write(state, State(**fields, **begun))  # type: ignore[arg-type]
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "probe"
    write(state, State(**fields, **begun, failures={"gpu": "NotNow: NVML is starting"}))  # type: ignore[arg-type]
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "samples"


def test_a_probe_that_ended_does_not_run(state: Path) -> None:
    probe_wrote(state, 0, ended_unix_ns=1)
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "samples"


def test_a_file_of_another_boot_is_not_taken(state: Path) -> None:
    probe_wrote(state, 0, boot_id=host.boot_id(Path("/proc")))
    assert examine(configured(state), 0.0, system_clock, fresh=False).source == "probe"
    probe_wrote(state, 0, boot_id="0f0f0f0f-0000-4000-8000-000000000000")
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert found.source == "samples"
    assert "another boot" in found.notes[0]


def test_a_probe_that_examined_nothing_knows_nothing(state: Path) -> None:
    probe_wrote(state, 0, examined={"probe": 12})
    assert examine(configured(state), 0.0, system_clock, fresh=False).status is Status.UNKNOWN


def test_a_driver_that_starts_is_waited_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = system_clock().mono

    def starts(now: Now) -> Iterable[Reading]:
        if now.mono - begun < 200_000_000:
            raise OSError("NVML is starting")
        return [Reading(UP, ("0",), 1.0)]

    install(monkeypatch, plugins.SAMPLERS, {"gpu": FakeSampler(starts)})
    found = examine(configured(state), 0.05, system_clock, fresh=False)
    assert (found.failures, found.status) == ({}, Status.OK)


@pytest.mark.parametrize(("user", "code"), [(0, 1), (1000, 0)])
def test_what_only_root_may_read_is_noted_for_others(
    state: Path, monkeypatch: pytest.MonkeyPatch, user: int, code: int
) -> None:
    def refused(_: Now) -> Iterable[Reading]:
        raise PermissionError(13, "Permission denied", "/dev/kmsg")

    monkeypatch.setattr("os.geteuid", lambda: user)
    well = FakeSampler(lambda _: [Reading(UP, ("0",), 1.0)])
    install(monkeypatch, plugins.SAMPLERS, {"gpu": well, "kernel": FakeSampler(refused)})
    found = examine(configured(state), 0.0, system_clock, fresh=False)
    assert found.status.code == code
    assert ("kernel" in found.failures) is (user == 0)
    assert any("run this as root" in note for note in found.notes) is (user != 0)


def test_judging_that_is_switched_off_is_noted(state: Path) -> None:
    found = examine({"probe": {"health": {"state": str(state), "enabled": False}}}, 0.0, system_clock, fresh=False)
    assert "probe.health.enabled is false" in found.notes[0]
