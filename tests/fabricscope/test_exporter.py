"""Exporters are made from what is installed; a broken one stops nobody."""

from __future__ import annotations

import asyncio
import io
from typing import Any, ClassVar

import pytest

from fabricscope import log, plugins
from fabricscope.exporter import FAILURES, ExporterSettings, make_exporters, run_exporter
from fabricscope.model import Snapshot
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from tests.fabricscope.conftest import Install

SOURCE = """
from fabricscope.exporter import ExporterSettings
from fabricscope.settings import SettingsError


class Fine:
    name = "fine"
    Settings = ExporterSettings

    def __init__(self, settings, source):
        self.settings, self.source = settings, source

    def routes(self):
        return []

    async def run(self):
        pass


class Failing(Fine):
    name = "failing"

    async def run(self):
        raise ZeroDivisionError("no route to the sink")


def broken(settings, source):
    raise ZeroDivisionError("no such luck")


def misconfigured(settings, source):
    raise SettingsError("exporters.acme: no address")
"""


def snapshot() -> Snapshot:
    return []


class Settings(dict[str, ExporterSettings]):
    """Defaults for every exporter that is not named."""

    def __missing__(self, name: str) -> ExporterSettings:
        return ExporterSettings(enabled=name not in self.off)

    off: ClassVar[tuple[str, ...]] = ("prometheus",)


def made(install: Install, points: dict[str, str], **settings: ExporterSettings) -> tuple[dict[str, Any], str]:
    """Exporters by class name, and what was logged."""
    install("acme", {plugins.EXPORTERS: points}, SOURCE)
    output = io.StringIO()
    log.configure(log.LogSettings(), output)
    exporters = make_exporters(Settings(settings), snapshot)
    return {type(exporter).__name__: exporter for exporter in exporters}, output.getvalue()


def test_gets_its_settings_and_the_source(install: Install) -> None:
    own = ExporterSettings()
    exporters, logged = made(install, {"fine": "acme:Fine"}, fine=own)
    assert exporters["Fine"].settings is own
    assert exporters["Fine"].source is snapshot
    assert logged == ""


def test_one_that_is_switched_off_is_not_made(install: Install) -> None:
    exporters, logged = made(install, {"fine": "acme:Fine"}, fine=ExporterSettings(enabled=False))
    assert exporters == {}
    assert logged == ""


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("acme:Nothing", "exporter 'bad' of acme does not load"),
        ("acme:broken", "ZeroDivisionError: no such luck"),
        ("acme:SOURCE", "does not load"),
    ],
)
def test_a_broken_one_is_logged_and_left_out(install: Install, target: str, reason: str) -> None:
    exporters, logged = made(install, {"bad": target, "fine": "acme:Fine"})
    assert list(exporters) == ["Fine"]
    assert len(logged.splitlines()) == 1
    assert 'event="exporter left out"' in logged
    assert "exporter=bad" in logged
    assert reason in logged


def test_one_that_cannot_work_as_configured_says_so(install: Install) -> None:
    with pytest.raises(SettingsError, match=r"exporters\.acme: no address"):
        made(install, {"acme": "acme:misconfigured"})


async def test_one_that_fails_while_it_runs_is_logged_counted_and_over(install: Install) -> None:
    exporters, _ = made(install, {"failing": "acme:Failing", "fine": "acme:Fine"})
    output = io.StringIO()
    log.configure(log.LogSettings(), output)
    tally = Tally()
    for exporter in exporters.values():
        await run_exporter(exporter, tally)
    assert {reading.labels: reading.value for reading in tally.readings()} == {("failing",): 1, ("fine",): 0}
    assert tally.get(FAILURES, "failing") == 1
    (line,) = output.getvalue().splitlines()
    assert "exporter=failing" in line
    assert "ZeroDivisionError: no route to the sink" in line


async def test_one_that_is_cancelled_has_not_failed(install: Install) -> None:
    exporters, _ = made(install, {"fine": "acme:Fine"})
    tally = Tally()

    async def cancelled() -> None:
        raise asyncio.CancelledError

    exporters["Fine"].run = cancelled
    with pytest.raises(asyncio.CancelledError):
        await run_exporter(exporters["Fine"], tally)
    assert tally.get(FAILURES, "fine") == 0
