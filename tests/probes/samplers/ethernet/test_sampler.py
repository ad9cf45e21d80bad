from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fabricscope.model import Kind, Now, Quality, Reading
from fabricscope.settings import SettingsError, convert
from probes.samplers.ethernet import EthernetSampler, EthernetSettings
from probes.sampling.sampler import Roots
from probes.sources.rtnetlink import Link, RtnetlinkError
from tests.conftest import PATH
from tests.fixtures.netlink_bytes import link

START = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
SECOND = 1_000_000_000


class Machine:
    """Interfaces that a test changes between samples, and their sysfs."""

    def __init__(self, sys: Path) -> None:
        self.links: list[Link] = []
        self.sys = sys

    def dump(self) -> Sequence[Link]:
        return self.links

    def sampler(self, **settings: object) -> EthernetSampler:
        return EthernetSampler(convert(settings, EthernetSettings, "ethernet"), Roots(sys=str(self.sys)), self.dump)

    def attribute(self, name: str, attribute: str, text: str) -> None:
        path = self.sys / "class" / "net" / name / attribute
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sampled(sampler: EthernetSampler, now: Now = START) -> dict[tuple[str, ...], Reading]:
    """Readings by metric without its prefix, then labels."""
    return {(row.spec.name.removeprefix("fabricscope_ethernet_"), *row.labels): row for row in sampler.sample(now)}


def values(sampler: EthernetSampler, now: Now = START) -> dict[tuple[str, ...], int | float | None]:
    return {key: row.value for key, row in sampled(sampler, now).items()}


def names(sampler: EthernetSampler) -> list[str]:
    return [key[1] for key in sampled(sampler) if key[0] == "up"]


def test_an_interface_that_stands_still_has_the_same_readings_again(machine: Machine) -> None:
    machine.links = [link("eth0"), link("eth1", ifindex=3)]
    sampler = machine.sampler()
    before = sampled(sampler)
    machine.links = [link("eth0"), link("eth1", ifindex=3)]
    assert all(row is before[key] for key, row in sampled(sampler).items() if key[1:])
    machine.links[1] = machine.links[1]._replace(stats={**machine.links[1].stats, "rx_bytes": 7})
    after = sampled(sampler)
    assert after["receive_bytes_total", "eth1"].value == 7
    assert after["receive_bytes_total", "eth0"] is before["receive_bytes_total", "eth0"]


def test_an_adapter_that_is_up(machine: Machine) -> None:
    machine.links = [link("eth0")]
    machine.attribute("eth0", "speed", "100000")
    machine.attribute("eth0", "duplex", "full")
    rows = values(machine.sampler())
    assert rows["up", "eth0"] == 1.0
    assert rows["admin_up", "eth0"] == 1.0
    assert rows["carrier", "eth0"] == 1.0
    assert rows["carrier_changes_total", "eth0"] == 2
    assert rows["mtu_bytes", "eth0"] == 9000.0
    assert rows["speed_bytes_per_second", "eth0"] == 12.5e9
    assert rows["full_duplex", "eth0"] == 1.0
    assert rows["info", "eth0", "02:00:00:00:00:01", "", "", "0000:17:00.0"] == 1.0
    assert rows["receive_packets_total", "eth0"] == 0
    assert rows["transmit_bytes_total", "eth0"] == 3
    assert rows["receive_crc_errors_total", "eth0"] == 12
    assert rows["receive_otherhost_dropped_total", "eth0"] == 24


def test_every_reading_is_in_the_table_and_of_its_kind(machine: Machine) -> None:
    machine.links = [link("eth0")]
    for row in machine.sampler().sample(START):
        assert row.spec in EthernetSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


@pytest.mark.parametrize(
    ("operstate", "admin_up", "lower_up", "up"),
    [
        ("up", True, True, 1.0),
        ("down", True, False, 0.0),
        ("down", False, False, 0.0),
        ("lowerlayerdown", True, False, 0.0),
        ("dormant", True, True, 0.0),
        ("unknown", True, True, 1.0),
        ("unknown", True, False, 0.0),
        ("unknown", False, True, 0.0),
    ],
)
def test_what_is_up(machine: Machine, operstate: str, admin_up: bool, lower_up: bool, up: float) -> None:
    machine.links = [link("eth0", operstate=operstate, admin_up=admin_up, lower_up=lower_up)]
    assert values(machine.sampler())["up", "eth0"] == up


def test_an_interface_that_is_switched_off_has_no_carrier_to_speak_of(machine: Machine) -> None:
    machine.links = [link("eth0", admin_up=False, operstate="down")]
    rows = values(machine.sampler())
    assert rows["admin_up", "eth0"] == 0.0
    assert ("carrier", "eth0") not in rows


def test_what_the_kernel_does_not_count_is_absent(machine: Machine) -> None:
    machine.links = [link("eth0", stats={"rx_bytes": 5}, carrier_changes=None, mtu=None)]
    rows = values(machine.sampler())
    assert rows["receive_bytes_total", "eth0"] == 5
    assert not {key[0] for key in rows} & {"transmit_bytes_total", "carrier_changes_total", "mtu_bytes"}


@pytest.mark.parametrize("speed", ["-1", "0", "4294967295"])
def test_an_unknown_speed_is_absent_and_not_zero(machine: Machine, speed: str) -> None:
    machine.links = [link("eth0")]
    machine.attribute("eth0", "speed", speed)
    machine.attribute("eth0", "duplex", "unknown")
    rows = values(machine.sampler())
    assert ("speed_bytes_per_second", "eth0") not in rows
    assert ("full_duplex", "eth0") not in rows


def test_a_speed_that_is_no_number_is_unreadable(machine: Machine) -> None:
    machine.links = [link("eth0"), link("eth1", ifindex=3)]
    machine.attribute("eth0", "speed", "fast")
    machine.attribute("eth1", "speed", "25000")
    rows = sampled(machine.sampler())
    assert rows["speed_bytes_per_second", "eth0"].quality is Quality.UNREADABLE
    assert rows["speed_bytes_per_second", "eth1"].value == 3.125e9


def test_the_kernel_refusing_a_speed_means_that_there_is_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.links = [link("eth0")]
    machine.attribute("eth0", "speed", "1000")
    open_file = os.open

    def refuse(path: Path, *rest: int) -> int:
        if path.name == "speed":
            raise OSError(22, "Invalid argument")
        return open_file(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    assert ("speed_bytes_per_second", "eth0") not in values(machine.sampler())


def test_the_speed_is_asked_for_after_a_carrier_change_or_a_minute(machine: Machine) -> None:
    machine.links = [link("eth0")]
    machine.attribute("eth0", "speed", "100000")
    sampler = machine.sampler()
    key = ("speed_bytes_per_second", "eth0")
    assert values(sampler)[key] == 12.5e9
    machine.attribute("eth0", "speed", "25000")
    assert values(sampler, Now(START.wall, START.mono + 59 * SECOND))[key] == 12.5e9
    machine.links = [link("eth0", carrier_changes=4)]
    assert values(sampler, Now(START.wall, START.mono + 59 * SECOND))[key] == 3.125e9
    machine.attribute("eth0", "speed", "10000")
    assert values(sampler, Now(START.wall, START.mono + 120 * SECOND))[key] == 1.25e9


def test_interfaces_come_and_go(machine: Machine) -> None:
    machine.links = [link("eth0")]
    sampler = machine.sampler()
    assert names(sampler) == ["eth0"]
    machine.links = [link("eth0"), link("eth1", ifindex=3)]
    assert names(sampler) == ["eth0", "eth1"]
    machine.links = [link("eth1", ifindex=3)]
    assert names(sampler) == ["eth1"]
    assert set(sampler._hardware) == {3}


def test_driver_and_address_from_sysfs_where_the_kernel_names_no_parent(machine: Machine) -> None:
    device = machine.sys / "devices" / "pci0000:00" / "0000:17:00.0"
    (device / "net" / "eth0").mkdir(parents=True)
    (machine.sys / "class" / "net").mkdir(parents=True)
    (machine.sys / "class" / "net" / "eth0").symlink_to(device / "net" / "eth0")
    (device / "net" / "eth0" / "device").symlink_to("../../../0000:17:00.0")
    (device / "driver").symlink_to("../../../bus/pci/drivers/mlx5_core")
    machine.links = [link("eth0", parent_bus="", parent_name="")]
    assert ("info", "eth0", "02:00:00:00:00:01", "", "mlx5_core", "0000:17:00.0") in values(machine.sampler())


ZOO = [
    link("lo", ifindex=1, hardware_type=772, parent_name=""),
    link("eth0", ifindex=2),
    link("ib0", ifindex=3, hardware_type=32, kind="ipoib"),
    link("bond0", ifindex=4, kind="bond", parent_name=""),
    link("storage.100", ifindex=5, kind="vlan", parent_name=""),
    link("docker0", ifindex=6, kind="bridge", parent_name=""),
    link("cali1234", ifindex=7, kind="veth", parent_name=""),
    link("ifb0", ifindex=8, kind="ifb", parent_name=""),
    link("tunl0", ifindex=9, hardware_type=768, kind="ipip", parent_name=""),
    link("hyperv0", ifindex=10, kind="hv_netvsc", parent_name="f8615163-0000"),
    link("old0", ifindex=11, parent_name=""),
]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["eth0", "bond0", "storage.100", "hyperv0", "old0"]),
        ({"kinds": []}, ["eth0", "hyperv0", "old0"]),
        ({"kinds": ["veth"]}, ["eth0", "cali1234", "hyperv0", "old0"]),
        ({"include": ["ib*", "lo"]}, ["lo", "eth0", "ib0", "bond0", "storage.100", "hyperv0", "old0"]),
        ({"exclude": ["*[0-9]"]}, []),
        ({"include": ["lo"], "exclude": ["lo", "?ond0"]}, ["eth0", "storage.100", "hyperv0", "old0"]),
    ],
)
def test_which_interfaces_are_reported(machine: Machine, settings: dict[str, object], expected: list[str]) -> None:
    machine.links = ZOO
    assert names(machine.sampler(**settings)) == expected


def test_interfaces_beyond_the_bound_are_counted(machine: Machine) -> None:
    machine.links = [link(f"eth{index}", ifindex=index) for index in range(5)]
    sampler = machine.sampler(max_interfaces=2)
    assert names(sampler) == ["eth0", "eth1"]
    assert values(sampler)["interfaces_left_out",] == 3.0


def test_a_refused_dump_fails_the_whole_sample(machine: Machine) -> None:
    def refuse() -> Sequence[Link]:
        raise RtnetlinkError(1, "Operation not permitted")

    sampler = EthernetSampler(EthernetSettings(), Roots(), refuse)
    with pytest.raises(OSError, match="not permitted"):
        list(sampler.sample(START))
    assert "cannot be listed: [Errno 1] Operation not permitted" in (sampler.unavailable() or "")


def test_why_nothing_is_available(machine: Machine) -> None:
    machine.links = [ZOO[0], ZOO[5]]
    assert machine.sampler().unavailable() == (
        "no interface with hardware behind it (there are: lo, docker0); name others in `include`"
    )
    machine.links = ZOO
    assert machine.sampler().unavailable() is None


@pytest.mark.parametrize(
    "settings", [{"include": [""]}, {"exclude": ["x" * 65]}, {"max_interfaces": 0}, {"exclud": []}]
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="ethernet"):
        convert(settings, EthernetSettings, "ethernet")


SAMPLE_ONCE = """
import json
from fabricscope.model import Now
from probes.samplers.ethernet import EthernetSampler, EthernetSettings
from probes.sampling.sampler import Roots
sampler = EthernetSampler(EthernetSettings(kinds=("veth",)), Roots())
print(json.dumps({row.spec.name: row.value for row in sampler.sample(Now(0, 0)) if row.labels[:1] == ("left",)}))
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with two interfaces that are each other's cable."""
    name = f"fabricscope-test-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "add", "left", "type", "veth", "peer", "name", "right")
        run("ip", "-n", name, "link", "set", "left", "up")
        run("ip", "-n", name, "link", "set", "right", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_cable_that_is_pulled_on_a_real_kernel(namespace: str, repository: Path) -> None:
    def sample() -> dict[str, float]:
        answer: dict[str, float] = json.loads(
            run("ip", "netns", "exec", namespace, sys.executable, "-c", SAMPLE_ONCE, cwd=repository)
        )
        return answer

    before = sample()
    run("ip", "-n", namespace, "link", "set", "right", "down")
    after = sample()
    assert before["fabricscope_ethernet_up"] == before["fabricscope_ethernet_carrier"] == 1.0
    assert after["fabricscope_ethernet_up"] == after["fabricscope_ethernet_carrier"] == 0.0
    assert after["fabricscope_ethernet_admin_up"] == 1.0
    changes = "fabricscope_ethernet_carrier_changes_total"
    assert after[changes] == before[changes] + 1


def run(*command: str, cwd: Path | None = None) -> str:
    environment = {**os.environ, "PATH": PATH}
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd, env=environment).stdout
