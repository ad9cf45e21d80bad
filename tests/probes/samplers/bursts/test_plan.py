from __future__ import annotations

from pathlib import Path

import pytest

from probes.samplers.bursts import plan as module
from probes.samplers.bursts.counters import NETDEV, Counter, Unit
from probes.samplers.bursts.plan import Group, Plan, Planner
from probes.sources.ethtool import EthtoolError
from tests.fixtures.fast_host import FakeStatistics, FastHost
from tests.fixtures.infiniband import write_files

PORT = {"port_rcv_data": 1, "port_xmit_data": 2, "symbol_error": 3}
HW = {"np_cnp_sent": 1, "rx_write_requests": 2}


@pytest.fixture
def host(tmp_path: Path) -> FastHost:
    return FastHost(tmp_path)


def planned(
    host: FastHost,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    max_counters: int = 512,
    ethtool: object = None,
) -> Plan:
    names = ethtool or FakeStatistics()
    return Planner(host.roots, include, exclude, max_counters, names).plan()  # type: ignore[arg-type]


def shown(group: Group) -> list[str]:
    return [f"{each.device}/{each.port}/{each.counter.name}" for each in group.channels]


def test_a_host_without_anything() -> None:
    assert planned(FastHost(Path("/nonexistent"))) == Plan((), 0, {})


def test_interfaces_share_one_table(host: FastHost) -> None:
    host.interface("eth0")
    host.interface("eth1", speed=25_000)
    host.interface("lo", hardware=False)
    plan = planned(host)
    (group,) = plan.groups
    assert (group.device, group.source) == ("*", "net")
    table = str(host.roots.procfs("net", "dev"))
    assert [each.where for each in group.channels[:6]] == [
        (64, table, "eth0", column) for column in (0, 1, 3, 8, 9, 11)
    ]
    assert len(group.channels) == 2 * len(NETDEV)
    assert plan.line_rates == {("eth0", ""): 12.5e9, ("eth1", ""): 3.125e9}


def test_files_are_read_where_most_lines_are_of_others(host: FastHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LINES_PER_INTERFACE", 2)
    host.interface("eth0")
    for number in range(2):
        host.interface(f"veth{number}", hardware=False)
    (group,) = planned(host).groups
    statistics = host.roots.sysfs("class", "net", "eth0", "statistics")
    assert (group.device, group.source) == ("eth0", "net")
    # Those that are there.
    assert [each.where for each in group.channels] == [
        (64, str(statistics / name)) for name in ("rx_bytes", "rx_packets", "rx_dropped", "tx_bytes")
    ]


def test_files_are_read_where_there_is_no_table(host: FastHost) -> None:
    host.interface("eth0")
    host.roots.procfs("net", "dev").unlink()
    (group,) = planned(host).groups
    assert group.device == "eth0"


def test_ports_have_their_counters_and_those_of_the_firmware_apart(host: FastHost) -> None:
    path = host.port("mlx5_0", PORT, HW)
    plan = planned(host)
    counters, hardware = plan.groups
    assert shown(counters) == ["mlx5_0/1/port_rcv_data", "mlx5_0/1/port_xmit_data"]
    assert shown(hardware) == ["mlx5_0/1/np_cnp_sent"]
    assert counters.channels[0].where == (64, str(path / "counters" / "port_rcv_data"))
    assert hardware.channels[0].where == (32, str(path / "hw_counters" / "np_cnp_sent"))
    assert plan.line_rates == {("mlx5_0", "1"): 50e9}
    # What the firmware refreshes every 10 ms is read every 50 ms.
    assert counters.least_multiple(10_000_000) == 1
    assert hardware.least_multiple(10_000_000) == 5
    assert hardware.least_multiple(7_000_000) == 8
    assert hardware.least_multiple(1_000_000_000) == 1


def test_names_choose(host: FastHost) -> None:
    for name in ("eth0", "eth1"):
        host.interface(name)
    host.interface("bond0", hardware=False)
    host.port("mlx5_0", PORT)
    plan = planned(host, include=("bond*",), exclude=("eth1", "mlx5_*"))
    assert {each.device for group in plan.groups for each in group.channels} == {"bond0", "eth0"}
    assert set(plan.line_rates) == {("bond0", ""), ("eth0", "")}


@pytest.mark.parametrize("speed", [-1, 0, (1 << 32) - 1, "", "fast"])
def test_a_speed_that_is_none_is_not_known(host: FastHost, speed: object) -> None:
    host.interface("eth0", speed=speed)
    assert planned(host).line_rates == {}


def test_a_rate_that_is_none_is_not_known(host: FastHost) -> None:
    write_files(host.port("mlx5_0", PORT), {"rate": "very fast"})
    assert planned(host).line_rates == {}


def test_driver_statistics_are_found_by_name(host: FastHost) -> None:
    host.interface("eth0")
    host.interface("eth1", driver="e1000e")
    names = ("rx_packets", "rx_prio3_pause", "rx_prio3_pause_duration", "rx_discards_phy")
    _, group = planned(host, ethtool=FakeStatistics(eth0=names, eth1=names)).groups
    assert (group.device, group.source, group.is_slow) == ("eth0", "ethtool", True)
    assert [each.where for each in group.channels] == [(64, "eth0", index, 4) for index in (1, 2, 3)]
    assert group.channels[1].counter == Counter("rx_prio3_pause_duration", Unit.PAUSED)


def test_a_driver_that_does_not_answer_costs_its_statistics_alone(host: FastHost) -> None:
    class Refusing:
        def names(self, device: str) -> tuple[str, ...]:
            raise EthtoolError(5, f"{device}: refused")

    host.interface("eth0")
    assert len(planned(host, ethtool=Refusing()).groups) == 1


def test_what_is_beyond_the_bound_is_counted(host: FastHost) -> None:
    host.port("mlx5_0", PORT, HW)
    host.interface("eth0")
    plan = planned(host, max_counters=4)
    assert [len(group.channels) for group in plan.groups] == [2, 1, 1]
    assert plan.left_out == 5
    assert planned(host, max_counters=2).left_out == 7
