from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.samplers.nvlink import fabric, metrics
from tests.fixtures.nvml.bindings import pynvml

UUID = "00010203-0405-0607-0809-0a0b0c0d0e0f"


def by_metric(said: object) -> dict[tuple[str, ...], float]:
    return {
        (row.spec.name.removeprefix("fabricscope_nvlink_fabric_"), *row.labels): float(row.value or 0)
        for row in fabric.readings("0", said)
    }


def test_a_gpu_that_is_registered_and_well() -> None:
    assert by_metric([3, 0, UUID, 2, 0xAA, 1]) == {
        ("state", "0"): 3.0,
        ("status", "0"): 0.0,
        ("info", "0", UUID, "2"): 1.0,
        ("unhealthy", "0", "degraded_bandwidth"): 0.0,
        ("unhealthy", "0", "route_recovery"): 0.0,
        ("unhealthy", "0", "route_unhealthy"): 0.0,
        ("unhealthy", "0", "access_timeout_recovery"): 0.0,
    }


def test_before_it_is_registered_there_is_no_status_and_no_clique() -> None:
    assert by_metric([2, 0, "", 0, 0, 0]) == {("state", "0"): 2.0}


def test_a_gpu_in_no_fabric_has_nothing() -> None:
    assert by_metric([0, 0, "", 0, 0, 0]) == {}


def test_an_older_driver_has_no_health() -> None:
    assert set(by_metric([3, 0, UUID, 2, None, None])) == {("state", "0"), ("status", "0"), ("info", "0", UUID, "2")}


@pytest.mark.parametrize(
    ("mask", "causes"),
    [
        (0, {}),
        (0b01, {"degraded_bandwidth": True}),
        (0b10, {"degraded_bandwidth": False}),
        (0b11, {}),
        (1 << 4 | 2 << 6, {"route_unhealthy": True, "access_timeout_recovery": False}),
        (1 << 8, {"configuration": False}),
        (5 << 8, {"configuration": True, "insufficient_nvlinks": True}),
        (15 << 8, {"configuration": True, "configuration_15": True}),
        (1 << 12, {"partition_unassigned": False}),
        (2 << 12, {"partition_unassigned": True}),
        (3 << 12, {}),
        (2 << 14, {"fabric_manager_disconnected": True}),
        (1 << 14, {"fabric_manager_disconnected": False}),
    ],
)
def test_the_health_mask(mask: int, causes: dict[str, bool]) -> None:
    assert fabric.unhealthy_causes(mask) == causes


def test_the_shifts_are_those_of_the_bindings() -> None:
    for cause, name, value in (
        ("degraded_bandwidth", "DEGRADED_BW", "DEGRADED_BW_TRUE"),
        ("route_recovery", "ROUTE_RECOVERY", "ROUTE_RECOVERY_TRUE"),
        ("route_unhealthy", "ROUTE_UNHEALTHY", "ROUTE_UNHEALTHY_TRUE"),
        ("access_timeout_recovery", "ACCESS_TIMEOUT_RECOVERY", "ACCESS_TIMEOUT_RECOVERY_TRUE"),
        ("no_partition", "INCORRECT_CONFIGURATION", "INCORRECT_CONFIGURATION_NO_PARTITION"),
        ("partition_unassigned", "PARTITION_ASSIGNED", "PARTITION_ASSIGNED_FALSE"),
        ("fabric_manager_disconnected", "GFM_STATE", "GFM_STATE_DISCONNECTED"),
    ):
        prefix = "NVML_GPU_FABRIC_HEALTH_MASK"
        mask = getattr(pynvml, f"{prefix}_{value}") << getattr(pynvml, f"{prefix}_SHIFT_{name}")
        assert fabric.unhealthy_causes(mask)[cause], cause


_ANY = st.none() | st.integers(-(1 << 64), 1 << 64) | st.text(max_size=8) | st.floats()


@given(_ANY | st.lists(_ANY, max_size=8) | st.lists(_ANY, min_size=6, max_size=6))
def test_whatever_the_library_says_is_readings_or_nothing(said: object) -> None:
    for row in fabric.readings("0", said):
        assert row.spec in metrics.SPECS


@given(st.integers(-(1 << 40), 1 << 40))
def test_any_mask_names_each_cause_once(mask: int) -> None:
    assert all(isinstance(value, bool) for value in fabric.unhealthy_causes(mask).values())
