from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given

from probes.sources.redfish import parts
from probes.sources.redfish.facts import Fact
from tests.fixtures.bmc import FakeBmc
from tests.probes.sources.redfish.strategies import documents

GPU = "Systems/HGX_Baseboard_0/Processors/GPU_0"
SUPPLY = "Chassis/Tray_0/PowerSubsystem/PowerSupplies/PSU0"
LEAKS = "Chassis/Tray_0/ThermalSubsystem/LeakDetection/LeakDetectors/Manifold"


@pytest.fixture
def bmc() -> FakeBmc:
    return FakeBmc()


def values(facts: Any) -> dict[tuple[str, ...], int | float | None]:
    """By what it is, and the labels behind the resource."""
    return {(fact.what, *fact.labels[1:]): fact.value for fact in facts}


def test_a_power_supply_and_what_goes_through_it(bmc: FakeBmc) -> None:
    supply = values(parts.power_supply(bmc.at(SUPPLY), ""))
    assert supply["health", "power_supply", "Power Supply 0"] == 1.0
    assert supply["power_capacity", "Power Supply 0"] == 3300.0
    facts = list(parts.power_supply_metrics(bmc.at(f"{SUPPLY}/Metrics"), "", "PSU"))
    assert {fact.labels[0] for fact in facts} == {SUPPLY}
    assert values(facts) == {
        ("power", "PSU", "input"): 1440.5,
        ("power", "PSU", "output"): 1365.0,
        ("voltage", "PSU", "input"): 231.5,
        ("current", "PSU", "input"): 6.25,
        ("temperature", "PSU", ""): 38.0,
        ("energy", "PSU", ""): 45_000_000_000,
    }


@pytest.mark.parametrize(
    ("state", "leak"), [("OK", 0.0), ("Warning", 1.0), ("Critical", 1.0), ("Wet", None), (None, None), ([], None)]
)
def test_a_leak_is_anything_but_ok_and_a_detector_that_does_not_say_is_unreadable(
    bmc: FakeBmc, state: Any, leak: float | None
) -> None:
    document = bmc.at(LEAKS) | {"DetectorState": state}
    assert values(parts.leak_detector(document, ""))["leak", "Manifold"] == leak


@pytest.mark.parametrize("state", ["Absent", "Disabled", "StandbyOffline"])
def test_a_detector_that_is_off_says_nothing_of_leaks(bmc: FakeBmc, state: str) -> None:
    document = bmc.at(LEAKS) | {"DetectorState": None, "Status": {"State": state}}
    assert ("leak", "Manifold") not in values(parts.leak_detector(document, ""))


def test_a_processor(bmc: FakeBmc) -> None:
    found = values(parts.processor(bmc.at(GPU), ""))
    assert found["processor_info", "GPU_0", "GPU", "NVIDIA", "NVIDIA TEST", "1", "97.0"] == 1.0
    assert (found["pcie_width", "GPU_0"], found["pcie_width_max", "GPU_0"]) == (8.0, 16.0)
    assert values(parts.processor(bmc.at("Systems/HGX_Baseboard_0/Processors/GPU_1"), "")) == {
        ("enabled", "processor", "GPU_1"): 0.0
    }


@pytest.mark.parametrize(("lanes", "width"), [(0, {"pcie_width": 0.0}), (None, {}), ("x16", {})])
def test_a_link_with_no_lane_in_use_is_a_width_of_0(lanes: object, width: dict[str, float]) -> None:
    document = {"Id": "GPU_0", "SystemInterface": {"PCIe": {"LanesInUse": lanes}}}
    facts = parts.processor(document, f"/redfish/v1/{GPU}")
    assert {fact.what: fact.value for fact in facts if fact.what != "processor_info"} == width


def test_a_processors_metrics(bmc: FakeBmc) -> None:
    facts = list(parts.processor_metrics(bmc.at(f"{GPU}/ProcessorMetrics"), "", "GPU_0"))
    assert {fact.labels[0] for fact in facts} == {GPU}
    assert values(facts) == {
        ("pcie_errors", "GPU_0", "correctable_error"): 7,
        ("pcie_errors", "GPU_0", "l0_to_recovery"): 4,
        ("pcie_errors", "GPU_0", "nak_sent"): 2,
        ("voltage", "GPU_0", "core"): 0.725,
        ("ecc_errors", "GPU_0", "correctable"): 3,
        ("ecc_errors", "GPU_0", "uncorrectable"): 1,
        ("throttled", "GPU_0", "power"): 90_500_000_000,
        ("throttled", "GPU_0", "thermal"): 0,
        ("throttled", "GPU_0", "hardware"): 90_000_000_000_000,
    }


def test_an_nvlink_port(bmc: FakeBmc) -> None:
    found = values(parts.port(bmc.at(f"{GPU}/Ports/NVLink_0"), ""))
    assert found["port_up", "GPU_0 NVLink_0", "NVLink"] == 1.0
    assert found["port_speed", "GPU_0 NVLink_0", "NVLink"] == 50e9
    assert found["port_speed_max", "GPU_0 NVLink_0", "NVLink"] == 53.125e9
    facts = list(parts.port_metrics(bmc.at(f"{GPU}/Ports/NVLink_0/Metrics"), ""))
    assert {fact.labels[:2] for fact in facts} == {(f"{GPU}/Ports/NVLink_0", "GPU_0 NVLink_0")}
    metrics = values(facts)
    assert metrics["port_receive_bytes", "GPU_0 NVLink_0"] == (1 << 64) - 1
    assert metrics["port_transmit_discards", "GPU_0 NVLink_0"] == 1
    assert metrics["port_link_errors", "GPU_0 NVLink_0", "link_downed"] == 2
    assert metrics["port_transmit_wait", "GPU_0 NVLink_0"] == 9
    assert metrics["port_bit_error_ratio", "GPU_0 NVLink_0", "raw"] == 1.3e-06
    assert metrics["port_error", "GPU_0 NVLink_0", "runtime"] == 1.0
    assert metrics["port_error", "GPU_0 NVLink_0", "training"] == 0.0


def test_a_pcie_port_has_lanes_and_no_speed_that_could_be_anyones(bmc: FakeBmc) -> None:
    found = values(parts.port(bmc.at(f"{GPU}/Ports/PCIe_0"), ""))
    assert (found["port_width", "GPU_0 PCIe_0", "PCIe"], found["port_width_max", "GPU_0 PCIe_0", "PCIe"]) == (8.0, 16.0)
    assert not [key for key in found if "speed" in key[0]]
    metrics = values(parts.port_metrics(bmc.at(f"{GPU}/Ports/PCIe_0/Metrics"), ""))
    assert metrics == {
        ("port_lane_errors", "GPU_0 PCIe_0", "0"): 0,
        ("port_lane_errors", "GPU_0 PCIe_0", "1"): 97,
        ("pcie_errors", "GPU_0 PCIe_0", "replay"): 11,
    }


@pytest.mark.parametrize(
    ("status", "up"), [("LinkUp", 1.0), ("LinkDown", 0.0), ("Training", 0.0), ("", None), (3, None)]
)
def test_a_port_is_up_or_it_is_not(status: Any, up: float | None) -> None:
    found = values(parts.port({"@odata.id": "/redfish/v1/a/Ports/1", "LinkStatus": status}, ""))
    assert found.get(("port_up", "a 1", "")) == up


@given(documents())
def test_any_document_gives_facts_that_fit_a_metric(document: Any) -> None:
    for facts in (
        parts.power_supply(document, "/redfish/v1/a"),
        parts.power_supply_metrics(document, "/redfish/v1/a", "PSU"),
        parts.leak_detector(document, ""),
        parts.processor(document, ""),
        parts.processor_metrics(document, "/redfish/v1/a/b", "GPU"),
        parts.port(document, "/redfish/v1/a/b/c"),
        parts.port_metrics(document, "/redfish/v1/a/b/c/d"),
    ):
        for fact in list(facts):
            assert isinstance(fact, Fact)
            assert fact.value is None or math.isfinite(fact.value)
            assert all(isinstance(label, str) and len(label) <= 700 for label in fact.labels)
