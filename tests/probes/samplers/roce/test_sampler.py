from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fabricscope.assemble import Assembler
from fabricscope.model import Kind, Now, Quality, Reading
from fabricscope.settings import SettingsError, convert
from probes.samplers.roce import RoceSampler, RoceSettings, metrics
from probes.sampling.sampler import Roots
from probes.sources.ethtool import Ethtool
from tests.fixtures import roce_nics
from tests.fixtures.ethtool_bytes import GSTATS, GSTRINGS, FakeKernel, Nic
from tests.probes.following import Following

SECOND = 1_000_000_000
Make = Callable[..., RoceSampler]


def at(second: float) -> Now:
    return Now(wall=1_700_000_000 * SECOND + int(second * SECOND), mono=int(second * SECOND))


class Host:
    """A fake /sys and the kernel behind its interfaces."""

    def __init__(self, sys: Path) -> None:
        self.sys = sys
        self.kernel = FakeKernel({})
        (sys / "class" / "net").mkdir(parents=True)

    def add(self, name: str, statistics: dict[str, int], driver: str = "mlx5_core", bus: int = 0x17, **of: Any) -> Path:
        self.kernel.nics[name] = roce_nics.nic(statistics, driver)
        return roce_nics.write_interface(self.sys, name, driver, bus_address=f"0000:{bus:02x}:00.0", **of)

    def remove(self, name: str) -> None:
        del self.kernel.nics[name]
        (self.sys / "class" / "net" / name).unlink()

    def sampler(self, **settings: object) -> RoceSampler:
        return RoceSampler(msgspec.convert(settings, RoceSettings), Roots(sys=str(self.sys)), Ethtool(self.kernel))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def values(readings: list[Reading]) -> dict[tuple[str, ...], int | float | None]:
    found = {(row.spec.name.removeprefix("fabricscope_roce_"), *row.labels): row.value for row in readings}
    assert len(found) == len(readings), "a series was read twice"
    return found


def test_a_port_of_mlx5(host: Host) -> None:
    statistics = roce_nics.mlx5(lossless=(3,))
    host.add("rail0", statistics, rdma="mlx5_0")
    rows = values(host.sampler().sample(at(0)))
    for name, *key in (
        ("rx_prio3_pause", "pfc_receive_pauses_total", "rail0", "3"),
        ("tx_prio3_pause_duration", "pfc_transmit_pause_seconds_total", "rail0", "3"),
        ("tx_pause_storm_warning_events ", "pause_storm_warnings_total", "rail0"),
        ("rx_discards_phy", "receive_discards_total", "rail0"),
        ("rx_prio6_buf_discard", "receive_buffer_drops_total", "rail0", "6"),
        ("rx_err_lane_2_phy", "lane_errors_total", "rail0", "2"),
        ("module_high_temp", "module_high_temperature_total", "rail0"),
    ):
        assert rows[tuple(key)] == statistics[name], name
    assert rows["pcie_read_stalled_ratio", "rail0"] == statistics["outbound_pci_stalled_rd"] / 100
    assert rows["device_info", "rail0", "mlx5_core", "28.43.1014 (MT_0000000838)", "0000:17:00.0", "mlx5_0"] == 1
    # Priorities without flow control have no pauses, which is not 0.
    assert ("pfc_receive_pauses_total", "rail0", "4") not in rows
    assert ("receive_priority_bytes_total", "rail0", "4") in rows


@pytest.mark.parametrize(("driver", "statistics"), roce_nics.EVERY_DRIVER.items())
def test_every_driver_that_has_a_table(host: Host, driver: str, statistics: dict[str, int]) -> None:
    host.add("rail0", statistics, driver)
    readings = host.sampler().sample(at(0))
    table = metrics.STATISTICS[driver]
    counted = [row for row in readings if row.spec not in (metrics.INFO, metrics.LEFT_OUT)]
    expected = {(table[name.strip()].spec, ("rail0", *table[name.strip()].label)): value / table[name.strip()].divisor
                for name, value in statistics.items() if name.strip() in table}  # fmt: skip
    assert {(row.spec, row.labels): row.value for row in counted} == expected


def test_an_interface_with_another_driver_is_not_asked(host: Host) -> None:
    host.add("eth0", {"rx_packets": 5}, "e1000e")
    host.add("rail0", roce_nics.mlx5(), bus=0x18)
    assert {row.labels[0] for row in host.sampler().sample(at(0)) if row.labels} == {"rail0"}
    assert host.kernel.commands("eth0") == [0x03]


def test_a_virtual_interface_is_not_even_asked_who_drives_it(host: Host) -> None:
    (host.sys / "class" / "net" / "docker0").mkdir()
    host.add("rail0", roce_nics.mlx5())
    host.sampler().sample(at(0))
    assert host.kernel.commands("docker0") == []


def test_a_subfunction_says_itself_who_drives_it(host: Host) -> None:
    roce_nics.write_interface(host.sys, "sf0", "mlx5_core.sf")
    host.kernel.nics["sf0"] = roce_nics.nic(roce_nics.mlx5())
    assert ("receive_discards_total", "sf0") in values(host.sampler().sample(at(0)))


def test_names_are_asked_for_once_a_minute(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5())
    tested = host.sampler()
    for second in range(60):
        tested.sample(at(second))
    assert host.kernel.commands("rail0").count(GSTRINGS) == 1
    assert host.kernel.commands("rail0").count(GSTATS) == 60
    tested.sample(at(60))
    assert host.kernel.commands("rail0").count(GSTRINGS) == 2


@pytest.mark.parametrize("strict", [False, True])
def test_flow_control_that_is_switched_on_while_it_runs(host: Host, strict: bool) -> None:
    host.kernel.strict = strict
    host.add("rail0", roce_nics.mlx5(lossless=()))
    tested = host.sampler()
    assert ("pfc_receive_pauses_total", "rail0", "3") not in values(tested.sample(at(0)))
    statistics = roce_nics.mlx5(lossless=(3,))
    host.kernel.nics["rail0"] = roce_nics.nic(statistics)
    rows = values(tested.sample(at(1)))
    assert rows["pfc_receive_pauses_total", "rail0", "3"] == statistics["rx_prio3_pause"]
    assert rows["module_shorted_total", "rail0"] == statistics["module_bad_shorted"]


def test_the_priority_that_has_flow_control_is_another_now(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5(lossless=(3,)))
    tested = host.sampler()
    tested.sample(at(0))
    host.kernel.nics["rail0"] = roce_nics.nic(roce_nics.mlx5(lossless=(5,)))
    rows = values(tested.sample(at(60)))
    assert ("pfc_receive_pauses_total", "rail0", "5") in rows
    assert ("pfc_receive_pauses_total", "rail0", "3") not in rows


def test_what_cannot_be_read_is_unreadable_and_disturbs_no_other(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5())
    host.add("rail1", roce_nics.mlx5(), bus=0x18)
    tested = host.sampler()
    before = tested.sample(at(0))
    host.kernel.nics["rail0"].fails = errno.EIO
    rows = tested.sample(at(1))
    statistics = [row for row in rows if row.labels[:1] == ("rail0",) and row.spec is not metrics.INFO]
    assert {(row.value, row.quality) for row in statistics} == {(None, Quality.UNREADABLE)}
    assert len(rows) == len(before)
    assert {row.quality for row in rows if row.labels[:1] == ("rail1",)} == {Quality.OK}
    host.kernel.nics["rail0"].fails = 0
    assert values(tested.sample(at(2))) == values(before)


def test_interfaces_come_and_go(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5())
    tested = host.sampler()
    tested.sample(at(0))
    host.add("rail1", roce_nics.mlx5(), bus=0x18)
    assert ("receive_discards_total", "rail1") in values(tested.sample(at(1)))
    host.remove("rail0")
    assert {row.labels[0] for row in tested.sample(at(2)) if row.labels} == {"rail1"}


def test_an_interface_that_goes_between_listing_and_reading(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5())
    tested = host.sampler()
    tested.sample(at(0))
    del host.kernel.nics["rail0"]
    assert [row.spec for row in tested.sample(at(1))] == [metrics.LEFT_OUT, metrics.INFO]


def test_a_name_that_another_driver_has_now(host: Host) -> None:
    host.add("rail0", roce_nics.mlx5())
    tested = host.sampler()
    tested.sample(at(0))
    link = host.sys / "devices" / "pci0000:16" / "0000:17:00.0" / "driver"
    link.unlink()
    link.symlink_to("../../../bus/pci/drivers/ice")
    host.kernel.nics["rail0"] = roce_nics.nic(roce_nics.ICE, "ice")
    rows = values(tested.sample(at(60)))
    assert rows["receive_discards_total", "rail0"] == roce_nics.ICE["rx_dropped.nic"]
    assert ("corrected_bit_errors_total", "rail0") not in rows


def test_bit_error_ratios(host: Host) -> None:
    statistics = roce_nics.mlx5(bits=10**15)
    host.add("rail0", statistics)
    tested = host.sampler(error_ratio_bits=10**12)

    def ratios(second: int, **moved: int) -> dict[str, float | int | None]:
        for name, step in moved.items():
            statistics[name] += step
        rows = values(tested.sample(at(second)))
        return {key[0]: value for key, value in rows.items() if key[0].endswith("error_ratio")}

    assert ratios(0) == {}
    assert ratios(1, rx_bits_phy=4 * 10**11, rx_corrected_bits_phy=400_000) == {}
    assert ratios(2, rx_bits_phy=6 * 10**11, rx_corrected_bits_phy=600_000, rx_pcs_symbol_err_phy=3) == {
        "pre_fec_bit_error_ratio": 1e-6,
        "post_fec_bit_error_ratio": 3e-12,
    }
    # The link is down: there is no ratio, and not the last one either.
    assert ratios(3) == {}


def test_a_ratio_begins_anew_after_the_port_could_not_be_read(host: Host) -> None:
    statistics = roce_nics.mlx5(bits=10**15)
    host.add("rail0", statistics)
    tested = host.sampler(error_ratio_bits=10**12)

    def ratios(second: int, errors: int, *, fails: int = 0) -> list[float | int | None]:
        statistics["rx_bits_phy"] += 10**12
        statistics["rx_corrected_bits_phy"] += errors
        statistics["rx_pcs_symbol_err_phy"] += errors
        host.kernel.nics["rail0"].fails = fails
        return [row.value for row in tested.sample(at(second)) if row.spec in (metrics.PRE_FEC, metrics.POST_FEC)]

    assert ratios(0, 0) == []
    assert ratios(1, 10**3) == [1e-9, 1e-9]
    assert ratios(2, 10**9, fails=errno.EIO) == []
    # What was counted meanwhile may be another link's, from before a reset of the adapter.
    assert ratios(3, 10**3) == []
    assert ratios(4, 10**3) == [1e-9, 1e-9]


def test_a_driver_that_does_not_count_bits_has_no_ratio(host: Host) -> None:
    statistics = roce_nics.mlx5()
    del statistics["rx_bits_phy"]
    host.add("rail0", statistics)
    tested = host.sampler(error_ratio_bits=10**6)
    for second in range(3):
        statistics["rx_corrected_bits_phy"] += 10**9
        assert not [row for row in tested.sample(at(second)) if row.spec in (metrics.PRE_FEC, metrics.POST_FEC)]


def test_congestion_control_settings(host: Host) -> None:
    path = host.add("rail0", roce_nics.mlx5())
    roce_nics.write_ecn(path, off=(2,))
    (path / "ecn" / "roce_np" / "cnp_dscp").write_text("?\n")
    readings = host.sampler().sample(at(0))
    rows = values(readings)
    assert [rows["ecn_enabled", "rail0", "reaction", str(priority)] for priority in (1, 2)] == [1, 0]
    assert rows["ecn_parameter", "rail0", "reaction", "rpg_ai_rate"] == 5
    unreadable = [row.labels[1:] for row in readings if row.quality is Quality.UNREADABLE]
    assert unreadable == [("notification", "cnp_dscp")]


def test_the_settings_choose_interfaces(host: Host) -> None:
    for place, name in enumerate(("rail0", "rail1", "storage0", "rail0v3")):
        host.add(name, roce_nics.mlx5(), bus=0x17 + place)
    devices = {row.labels[0] for row in host.sampler(include=["rail*"], exclude=["*v*"]).sample(at(0)) if row.labels}
    assert devices == {"rail0", "rail1"}


def test_interfaces_beyond_the_bound_are_counted(host: Host) -> None:
    for place in range(5):
        host.add(f"rail{place}", roce_nics.mlx5(), bus=0x17 + place)
    readings = host.sampler(max_devices=2).sample(at(0))
    assert {row.labels[0] for row in readings if row.labels} == {"rail0", "rail1"}
    assert values(readings)["devices_left_out",] == 3


def test_why_nothing_is_available(host: Host) -> None:
    assert "mlx5_core, bnxt_en" in (host.sampler().unavailable() or "")
    host.add("rail0", roce_nics.mlx5())
    assert host.sampler().unavailable() is None
    assert "settings include" in (host.sampler(exclude=["*"]).unavailable() or "")


def test_every_reading_is_in_the_table_and_of_its_kind(host: Host) -> None:
    roce_nics.write_ecn(host.add("rail0", roce_nics.mlx5()))
    readings = host.sampler().sample(at(0))
    for row in readings:
        assert row.spec in RoceSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        assert row.spec.kind is Kind.GAUGE or isinstance(row.value, int)
    sampled = Assembler("roce", SECOND).assemble(Following().apply(readings, at(0)), at(0))
    assert len(sampled.series_set) == len(readings)


def test_a_port_with_all_priorities_lossless_has_140_statistics(host: Host) -> None:
    path = host.add("rail0", roce_nics.mlx5(lossless=tuple(range(8))))
    roce_nics.write_ecn(path)
    assert len(host.sampler().sample(at(0))) == 1 + 1 + 16 + 7 + 140


def test_closing_gives_the_socket_back_and_sampling_takes_it_again(tmp_path: Path) -> None:
    tested = RoceSampler(RoceSettings(), Roots(sys=str(tmp_path)))
    (tmp_path / "class" / "net").mkdir(parents=True)
    tested.close()
    assert tested.sample(at(0)) == []


def test_a_nic_without_statistics_has_only_its_name(host: Host) -> None:
    host.add("rail0", {})
    host.kernel.nics["rail0"] = Nic("mlx5_core")
    assert {row.spec for row in host.sampler().sample(at(0))} == {metrics.INFO, metrics.LEFT_OUT}


@pytest.mark.parametrize("settings", [{"max_devices": 0}, {"error_ratio_bits": 10}, {"include": [""]}])
def test_settings_out_of_bounds_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="roce"):
        convert(settings, RoceSettings, "roce")
