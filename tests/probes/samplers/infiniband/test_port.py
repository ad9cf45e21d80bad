from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.model import Quality
from probes.samplers.infiniband import metrics
from probes.samplers.infiniband.port import PortSeries
from probes.sources.infiniband import Port, Rate
from tests.fixtures.descriptors import open_files
from tests.fixtures.infiniband import write_files

PORT = ("mlx5_0", "1")


def port(path: Path, lid: str = "0x1", lifespan_ms: int | None = None) -> Port:
    return Port(*PORT, path, 1, "InfiniBand", "", lid, "fe80::1", (), lifespan_ms)


@pytest.fixture
def series(tmp_path: Path) -> Iterator[PortSeries]:
    write_files(tmp_path, {"state": "4: ACTIVE", "phys_state": "5: LinkUp", "rate": "400 Gb/sec (4X NDR)"})
    made = PortSeries(port(tmp_path))
    yield made
    made.close()


def seen(series: PortSeries) -> dict[str, tuple[float | None, Quality]]:
    return {
        row.spec.name.removeprefix("fabricscope_infiniband_port_"): (row.value, row.quality)
        for row in series.readings()
        if row.spec is not metrics.PORT_INFO
    }


def test_the_files_stay_open_and_what_is_as_it_was_is_the_same_readings(tmp_path: Path, series: PortSeries) -> None:
    first = series.readings()
    held = {path for path in open_files().values() if path.startswith(str(tmp_path))}
    assert held == {str(tmp_path / name) for name in ("state", "phys_state", "rate")}
    assert series.readings() is first
    write_files(tmp_path, {"state": "2: INIT"})
    assert series.readings() is not first
    series.close()
    assert not [path for path in open_files().values() if path.startswith(str(tmp_path))]


def test_a_file_without_a_value_is_unreadable_and_the_others_go_on(tmp_path: Path, series: PortSeries) -> None:
    unreadable = (None, Quality.UNREADABLE)
    write_files(tmp_path, {"state": "N/A"})
    rest = {"physical_state": (5, Quality.OK), "rate_bytes_per_second": (50e9, Quality.OK), "lanes": (4, Quality.OK)}
    assert seen(series) == {"up": unreadable, "state": unreadable, **rest}
    write_files(tmp_path, {"state": "4: ACTIVE", "phys_state": "?", "rate": "fast"})
    assert seen(series) == {
        "up": (1, Quality.OK),
        "state": (4, Quality.OK),
        "physical_state": unreadable,
        "rate_bytes_per_second": unreadable,
        "lanes": unreadable,
    }


def test_a_state_of_any_number_is_told_from_a_file_without_one(tmp_path: Path, series: PortSeries) -> None:
    for quality in Quality:
        write_files(tmp_path, {"state": str(int(quality))})
        assert seen(series)["state"] == (int(quality), Quality.OK)
        write_files(tmp_path, {"state": "N/A"})
        assert seen(series)["state"] == (None, Quality.UNREADABLE)


def test_while_it_is_down_the_rate_before_stands(tmp_path: Path, series: PortSeries) -> None:
    series.readings()
    write_files(tmp_path, {"state": "1: DOWN", "rate": "2.5 Gb/sec (1X SDR)"})
    assert seen(series)["rate_bytes_per_second"] == (50e9, Quality.STALE)
    assert series.last == Rate(50e9, 4, "NDR")
    # So does it for one that comes back as another under the same name.
    again = PortSeries(port(tmp_path), series.last)
    assert seen(again)["lanes"] == (4, Quality.STALE)
    assert "lanes" not in seen(PortSeries(port(tmp_path)))


def test_what_is_absent_is_no_reading(tmp_path: Path) -> None:
    assert seen(PortSeries(port(tmp_path))) == {}


def test_what_was_found_out_later_is_shown_at_once(tmp_path: Path, series: PortSeries) -> None:
    series.readings()
    series.describe(port(tmp_path, lid="0x99", lifespan_ms=10))
    assert [row.labels[4] for row in series.readings() if row.spec is metrics.PORT_INFO] == ["0x99"]
    assert seen(series)["statistics_lifespan_seconds"] == (0.01, Quality.OK)
