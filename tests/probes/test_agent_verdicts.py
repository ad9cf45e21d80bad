"""The whole probe, judging and recording what its samplers tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fabricscope.model import Event, Severity
from fabricscope.settings import SettingsError
from probes.recorder.recording import Recording
from tests.fixtures.fake_collector import FakeCollector
from tests.probes.made import readings
from tests.probes.whole_probe import Desk


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with FakeCollector() as collector:
        yield Desk(tmp_path, monkeypatch, collector)


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """What the state file has."""
    found: list[dict[str, Any]] = json.loads((folder / "health.json").read_text())["verdicts"]
    return found


async def test_what_a_sampler_tells_of_is_judged_sent_and_recorded(desk: Desk) -> None:
    told = iter([[], [Event(1, 1, "kernel.xid", Severity.CRITICAL, "79", {"address": "0000:17:00.0"})]])
    desk.samplers(kernel=lambda now: [*readings(), *next(told, ())])
    agent = desk.agent()
    async with desk.running(agent) as stream:
        kinds: list[str] = []
        while "verdict.raised" not in kinds:
            kinds += [heard.kind for heard in [await desk.heard(stream)] if isinstance(heard, Event)]
        # The event that led to it comes first.
        assert kinds.index("kernel.xid") < kinds.index("verdict.raised")
        async with asyncio.timeout(60):
            while not (made := list((desk.folder / "recordings").glob("*.fsrec"))):
                await desk.heard(stream)  # the samples go on
    (verdict,) = verdicts(desk.folder)
    assert (verdict["rule"], verdict["value"]) == ("gpu-xid", 1)
    # The next probe on this host goes on from it.
    async with desk.running(desk.agent()) as stream:
        pass
    (kept,) = verdicts(desk.folder)
    assert [kept[name] for name in ("rule", "since", "value")] == ["gpu-xid", verdict["since"], 1]
    with Recording.open(made[0]) as opened:
        assert opened.meta["kind"] == "flight"
        assert "kernel.xid" in [event.kind for event in opened.events()]


async def test_rules_that_are_wrong_refuse_the_configuration(desk: Desk) -> None:
    rules = desk.folder / "rules.yaml"
    rules.write_text("rules: {gpu-xid: {severty: info}}\n")
    with pytest.raises(SettingsError, match="did you mean 'severity'"):
        desk.agent(health={"rules": [str(rules)], "state": ""})
