from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabricscope.clock import NANOSECONDS
from fabricscope.model import Now
from fabricscope.settings import SettingsError
from probes.flows.metering import MeterSettings
from probes.flows.replay import Done, Request, replay
from tests.fixtures.roce.scenarios import infiniband
from tests.probes.engine.conftest import needs_native
from tests.probes.engine.test_capture import pcap, roce

pytestmark = [needs_native]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(roce(1, 2), roce(2, 1), roce(3, 4)))
    return path


def run(
    *files: Path,
    configuration: dict[str, Any] | None = None,
    pause: Callable[[float], bool] = lambda _: False,
    **request: Any,
) -> Done:
    asked = Request([str(file) for file in files], MeterSettings(), observer="here", **request)
    return replay(asked, configuration or {}, lambda: Now(NANOSECONDS, NANOSECONDS), lambda _name, _step: None, pause)


def test_a_capture_becomes_a_summary(capture: Path) -> None:
    done = run(capture, capture)
    assert (done.packets, done.written) == (6, 0)
    assert done.document["records"] == 3
    assert done.document["labels"][0]["label"] == "roce"
    assert done.document["capture"]["files"] == [str(capture)] * 2


def test_records_become_a_table(capture: Path, tmp_path: Path) -> None:
    done = run(capture, table=tmp_path / "flows.csv")
    assert done.written == 3
    with (tmp_path / "flows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["observer"], row["label"]) for row in rows} == {("here", "roce")}


def test_a_file_that_grows_is_read_until_it_is_enough(capture: Path) -> None:
    whole = capture.read_bytes()
    capture.write_bytes(whole[:100])
    asked = []

    def pause(seconds: float) -> bool:
        asked.append(seconds)
        if seconds and capture.stat().st_size == 100:
            capture.write_bytes(whole)
            return False
        return seconds > 0

    done = run(capture, follow=True, pause=pause)
    assert done.packets == 3
    assert done.document["capture"]["notices"] == [], "that is how it is meant to end"
    assert max(asked) > 0


def test_an_interrupted_one_says_so(capture: Path) -> None:
    done = run(capture, capture, pause=lambda _: True)
    assert done.packets == 3
    assert done.document["capture"]["notices"] == ["interrupted: the rest was not read"]


def test_the_configuration_is_looked_at(capture: Path) -> None:
    with pytest.raises(SettingsError, match="hst"):
        run(capture, configuration={"probe": {"hst": "n1"}})
    with pytest.raises(SettingsError, match=r"probe\.collectors"):
        run(capture, send=True)


def test_what_ipfix_does_not_take_is_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "ib.pcap"
    infiniband(1).write(path)
    done = run(path, ipfix="127.0.0.1:9")
    assert [notice for notice in done.document["capture"]["notices"] if "addresses that IPFIX does not know" in notice]
