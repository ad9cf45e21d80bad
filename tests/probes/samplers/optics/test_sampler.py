from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fabricscope.model import Event, Now, Quality, Reading, Severity
from fabricscope.settings import convert
from probes.samplers.optics import OpticsSampler, OpticsSettings
from probes.sampling.sampler import Roots
from probes.sources.eeprom.memory import Image, Memory
from probes.sources.rtnetlink import INFINIBAND, Link, RtnetlinkError
from tests.conftest import PATH
from tests.fixtures import eeprom
from tests.fixtures.eeprom import FakeModules
from tests.fixtures.netlink_bytes import link

MINUTE = 60 * 1_000_000_000
UNSUPPORTED, EMPTY = OSError(errno.EOPNOTSUPP, "not supported"), OSError(errno.EIO, "Input/output error")


class Machine:
    """Interfaces and their modules, which a test plugs in and out between samples a minute apart."""

    def __init__(self, **plugged: Memory | OSError) -> None:
        self.source = FakeModules(dict(plugged))
        self.links = [link(device, ifindex=place) for place, device in enumerate(plugged, 2)]
        self.minute = 0

    def sampler(self, **settings: object) -> OpticsSampler:
        return OpticsSampler(
            convert(settings, OpticsSettings, "optics"), Roots(), lambda: list(self.links), self.source
        )

    def sampled(self, sampler: OpticsSampler) -> tuple[dict[tuple[str, ...], Reading], list[Event]]:
        """Readings by metric without its prefix, then labels; and events."""
        self.minute += 1
        now = Now(wall=1_700_000_000_000_000_000 + self.minute * MINUTE, mono=self.minute * MINUTE)
        rows = list(sampler.sample(now))
        readings = [row for row in rows if isinstance(row, Reading)]
        keyed = {(row.spec.name.removeprefix("fabricscope_optics_"), *row.labels): row for row in readings}
        assert len(keyed) == len(readings)
        return keyed, [row for row in rows if isinstance(row, Event)]

    def values(self, sampler: OpticsSampler) -> dict[tuple[str, ...], float | int | None]:
        return {key: row.value for key, row in self.sampled(sampler)[0].items()}


def dr4(serial: str = "DR400001") -> Image:
    return eeprom.cmis_400g_dr4(serial).image()


def test_modules_of_every_standard() -> None:
    machine = Machine(
        eth0=dr4(),
        eth1=eeprom.qsfp28_sr4().image(),
        eth2=eeprom.qsfp28_dac().image(),
        eth3=eeprom.sfp28_sr().image(),
    )
    sampler = machine.sampler()
    rows = machine.values(sampler)
    assert {device: rows["present", device] for device in ("eth0", "eth1", "eth2", "eth3")} == dict.fromkeys(
        ("eth0", "eth1", "eth2", "eth3"), 1.0
    )
    assert rows["temperature_celsius", "eth0"] == 45.5
    assert rows["receive_power_watts", "eth0", "1"] == 0.0008
    assert rows["receive_power_threshold_watts", "eth0", "low_alarm"] == 0.0001
    assert rows["module_state", "eth0"] == 3.0
    assert rows["bit_error_ratio", "eth0", "media", "", "current"] == 2.4e-5
    assert rows["receive_power_watts", "eth1", "2"] == 0.0
    assert rows["flag", "eth1", "2", "receive_los"] == 1.0
    assert rows["bias_amperes", "eth3", "1"] == 0.007
    assert rows["interfaces_left_out",] == 0.0
    (cable,) = [key for key in rows if key[:2] == ("info", "eth2")]
    assert cable[2:4] == ("QSFP28", "SFF-8636")
    assert cable[8:11] == ("100GBASE-CR4", "no separable connector", "3")
    # Copper has neither light nor limits.
    assert {key[0] for key in rows if key[1:2] == ("eth2",)} == {"present", "info", "checksum_valid"}


def test_every_reading_is_in_the_table() -> None:
    links, source = eeprom.node()
    sampler = OpticsSampler(OpticsSettings(), Roots(), lambda: links, source)
    rows = list(sampler.sample(Now(0, 0)))
    assert len(rows) > 2_000
    for row in rows:
        assert isinstance(row, Reading)
        assert row.spec in OpticsSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        assert isinstance(row.value, float)


def test_what_stays_is_not_read_again() -> None:
    machine = Machine(eth0=dr4(), eth1=eeprom.qsfp28_sr4().image())
    sampler = machine.sampler()
    machine.sampled(sampler)
    machine.source.reads.clear()
    rows = machine.values(sampler)
    assert [device for device, _span in machine.source.reads] == ["eth0"] * 5 + ["eth1"] * 2
    assert rows["temperature_threshold_celsius", "eth0", "high_alarm"] == 75.0


def test_a_module_is_asked_what_it_is_once_an_hour() -> None:
    machine = Machine(eth0=dr4())
    sampler = machine.sampler()
    reads = []
    for _ in range(62):
        machine.source.reads.clear()
        machine.sampled(sampler)
        reads.append(len(machine.source.reads))
    assert [minute for minute, count in enumerate(reads) if count > 5] == [0, 60]


def test_a_module_whose_checksums_are_wrong_is_asked_a_few_times() -> None:
    machine = Machine(eth0=eeprom.cmis_400g_dr4().put(222, b"\x00").image())
    sampler = machine.sampler()
    assert machine.values(sampler)["checksum_valid", "eth0"] == 0.0
    counts = []
    for _ in range(5):
        machine.source.reads.clear()
        machine.sampled(sampler)
        counts.append(len(machine.source.reads) > 5)
    assert counts == [True, True, True, False, False]
    machine.source.plugged["eth0"] = dr4()
    machine.minute += 60
    assert machine.values(sampler)["checksum_valid", "eth0"] == 1.0


def test_what_is_there_at_first_is_no_news() -> None:
    machine = Machine(eth0=dr4(), eth1=EMPTY)
    _rows, events = machine.sampled(machine.sampler())
    assert events == []


def test_a_module_that_is_plugged_in() -> None:
    machine = Machine(eth0=EMPTY)
    sampler = machine.sampler()
    assert machine.values(sampler)["present", "eth0"] == 0.0
    machine.source.plugged["eth0"] = dr4()
    rows, (event,) = machine.sampled(sampler)
    assert rows["present", "eth0"].value == 1.0
    assert (event.kind, event.severity, event.subject) == ("optics.inserted", Severity.INFO, {"device": "eth0"})
    assert event.attributes["serial"] == "DR400001"
    assert event.message == "module Lumen Optics LO-DR4-QDD DR400001 in eth0 was plugged in"
    assert (event.time_unix_ns, event.monotonic_ns) == (1_700_000_000_000_000_000 + 2 * MINUTE, 2 * MINUTE)


def test_a_module_that_is_pulled_out_is_believed_at_the_second_sample() -> None:
    machine = Machine(eth0=dr4(), eth1=eeprom.qsfp28_sr4().image())
    sampler = machine.sampler()
    before, _events = machine.sampled(sampler)
    machine.source.plugged["eth0"] = EMPTY
    rows, events = machine.sampled(sampler)
    assert events == []
    assert rows.keys() == before.keys()
    assert {row.quality for key, row in rows.items() if key[1:2] == ("eth0",)} == {Quality.UNREADABLE}
    assert rows["supply_volts", "eth1"].value == 3.29
    rows, (event,) = machine.sampled(sampler)
    assert (event.kind, event.severity) == ("optics.removed", Severity.WARNING)
    assert "no longer answers: [Errno 5] Input/output error" in event.message
    assert [key[0] for key in rows if key[1:2] == ("eth0",)] == ["present"]
    assert rows["present", "eth0"].value == 0.0
    _rows, events = machine.sampled(sampler)
    assert events == []


def test_a_read_that_fails_once_is_no_news() -> None:
    machine = Machine(eth0=dr4())
    sampler = machine.sampler()
    machine.sampled(sampler)
    for plugged in (EMPTY, dr4(), EMPTY, dr4()):
        machine.source.plugged["eth0"] = plugged
        rows, events = machine.sampled(sampler)
        assert events == []
    assert rows["temperature_celsius", "eth0"].value == 45.5


def test_a_module_in_the_place_of_another() -> None:
    machine = Machine(eth0=dr4("OLD"))
    sampler = machine.sampler()
    machine.sampled(sampler)
    machine.source.plugged["eth0"] = eeprom.qsfp28_sr4("NEW").image()
    rows, events = machine.sampled(sampler)
    assert [(event.kind, event.attributes["serial"]) for event in events] == [
        ("optics.removed", "OLD"),
        ("optics.inserted", "NEW"),
    ]
    assert "took the place of OLD" in events[1].message
    assert [key[7] for key in rows if key[0] == "info"] == ["NEW"]


def test_an_interface_without_modules_is_left_out() -> None:
    machine = Machine(eth0=UNSUPPORTED, eth1=dr4())
    rows = machine.values(machine.sampler())
    assert not [key for key in rows if key[1:2] == ("eth0",)]
    assert rows["present", "eth1"] == 1.0


@pytest.mark.parametrize("content", [bytes((0x06,)) + bytes(127), b"\x18" + bytes(127)])
def test_a_module_that_cannot_be_understood_hides_only_itself(content: bytes) -> None:
    machine = Machine(eth0=Image({(0x50, 0, None): content}), eth1=dr4())
    rows, _events = machine.sampled(machine.sampler())
    assert rows["present", "eth0"].quality is Quality.UNREADABLE
    assert rows["present", "eth1"].value == 1.0


def test_without_the_capability_the_whole_sample_fails_and_names_it() -> None:
    machine = Machine(eth0=OSError(errno.EPERM, "Operation not permitted"))
    sampler = machine.sampler()
    with pytest.raises(OSError, match="CAP_NET_ADMIN"):
        machine.sampled(sampler)
    assert "CAP_NET_ADMIN" in (sampler.unavailable() or "")


@pytest.mark.parametrize(
    ("what", "read"),
    [
        ({"kind": "bond", "parent_name": ""}, False),
        ({"kind": "", "parent_name": ""}, True),
        ({"kind": "ipoib", "hardware_type": INFINIBAND}, True),
        ({"hardware_type": 772}, False),
    ],
)
def test_only_hardware_is_asked(what: dict[str, object], read: bool) -> None:
    machine = Machine(eth0=dr4())
    machine.links = [link("eth0", **what)]
    assert (("present", "eth0") in machine.values(machine.sampler())) == read


def test_interfaces_that_are_excluded_or_beyond_the_bound() -> None:
    machine = Machine(eth0=dr4("A"), eth1=dr4("B"), eth2=dr4("C"))
    rows = machine.values(machine.sampler(exclude=["eth0"], max_interfaces=1))
    assert [key[1] for key in rows if key[0] == "present"] == ["eth1"]
    assert rows["interfaces_left_out",] == 1.0


def test_an_interface_that_goes_takes_its_module_with_it() -> None:
    machine = Machine(eth0=dr4("A"), eth1=dr4("B"))
    sampler = machine.sampler()
    machine.sampled(sampler)
    machine.links = machine.links[1:]
    rows, events = machine.sampled(sampler)
    assert events == []
    assert not [key for key in rows if key[1:2] == ("eth0",)]
    assert list(sampler._slots) == ["eth1"]


def failing_dump() -> list[Link]:
    raise RtnetlinkError(1, "Operation not permitted")


def test_interfaces_that_cannot_be_listed() -> None:
    sampler = OpticsSampler(OpticsSettings(), Roots(), failing_dump, FakeModules({}))
    with pytest.raises(RtnetlinkError):
        list(sampler.sample(Now(0, 0)))
    assert "cannot be listed" in (sampler.unavailable() or "")


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (lambda: Machine(), "asked: none"),
        (lambda: Machine(eth0=UNSUPPORTED), "asked: eth0"),
        (lambda: Machine(eth0=UNSUPPORTED, eth1=dr4()), None),
        (lambda: Machine(eth0=EMPTY), None),
    ],
)
def test_why_there_is_nothing(machine: Callable[[], Machine], reason: str | None) -> None:
    found = machine().sampler().unavailable()
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_closing_gives_the_sockets_back() -> None:
    machine = Machine(eth0=dr4())
    machine.sampler().close()
    assert machine.source.closed


SAMPLE = """
from fabricscope.model import Now
from probes.samplers.optics import OpticsSampler, OpticsSettings
from probes.sampling.sampler import Roots
sampler = OpticsSampler(OpticsSettings(), Roots())
print(sampler.unavailable())
print([(row.spec.name, row.labels, row.value) for row in sampler.sample(Now(0, 0))])
sampler.close()
"""


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_namespace_whose_interfaces_have_no_modules() -> None:
    namespace, environment = f"sampler{os.getpid()}", {"PATH": PATH, "PYTHONPATH": str(Path(__file__).parents[4])}
    subprocess.run(["ip", "netns", "add", namespace], check=True, env=environment)
    try:
        inside = ["ip", "netns", "exec", namespace]
        subprocess.run([*inside, "ip", "tuntap", "add", "tap0", "mode", "tap"], check=True, env=environment)
        subprocess.run(
            [*inside, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"], check=True, env=environment
        )
        done = subprocess.run(
            [*inside, sys.executable, "-c", SAMPLE], check=True, env=environment, capture_output=True, text=True
        )
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=True, env=environment)
    reason, readings = done.stdout.splitlines()
    assert reason.startswith("no interface with a driver that gives out modules")
    assert readings == "[('fabricscope_optics_interfaces_left_out', (), 0.0)]"
