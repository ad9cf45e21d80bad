from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from probes.sources.nvml import calls, codes, fields
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.bindings import GCC

Answers = Callable[[fake.Node], None]


@pytest.fixture
def gpu(nvml: Any, answers: Answers) -> Callable[[fake.Node], Any]:
    """A handle of GPU 0 of a node."""

    def handle(node: fake.Node) -> Any:
        answers(node)
        nvml.nvmlInit()
        return nvml.nvmlDeviceGetHandleByIndex(0)

    return handle


@GCC
def test_every_call_of_a_node_with_nvlink(nvml: Any, gpu: Callable[[fake.Node], Any]) -> None:
    handle = gpu(fake.nvlink4_node(1, 3).call(0, "power", 71000).call(0, "temperature_margin", -1))
    found = {name: call(nvml, handle) for name, call in calls.CALLS.items()}
    assert found.pop("link_versions") == [6, 6, 6, *[None] * (fields.MAX_LINKS - 3)]
    assert found == {
        "clocks_event_reasons": 1,
        "fabric": [3, 0, "00010203-0405-0607-0809-0a0b0c0d0e0f", 2, 0xAA, 1],
        "identity": [
            "GPU-00000000-0000-0000-0000-000000000000",
            "NVIDIA H100 80GB HBM3",
            "1650000000000",
            "96.00.99.00.01",
        ],
        "link_states": [1, 1, 1],
        "mig": [],
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "power": 71000,
        "power_limit": 700000,
        "remotes": [[0, 2, "0000:05:00.0"], [1, 2, "0000:06:00.0"], [2, 2, "0000:07:00.0"]],
        "temperature": 34,
        "temperature_margin": -1,
        "temperature_shutdown": 92,
        "temperature_slowdown": 89,
    }


@GCC
@pytest.mark.parametrize(("newest", "late"), [(3, [0xAA, 1]), (2, [0xAA, None]), (1, [None, None])])
def test_an_older_library_tells_less_of_the_fabric(
    nvml: Any, gpu: Callable[[fake.Node], Any], newest: int, late: list[int | None]
) -> None:
    handle = gpu(fake.plain_node(1).call(0, "fabric", f"{newest} 3 0 2 aa 1 {'00' * 16}"))
    assert calls.CALLS["fabric"](nvml, handle) == [3, 0, "", 2, *late]


@GCC
def test_mig_instances(nvml: Any, gpu: Callable[[fake.Node], Any]) -> None:
    node = fake.plain_node(1).call(0, "mig_mode", 1).call(0, "mig_max", 7)
    for index, (instance, name) in {0: (1, "MIG 3g.40gb"), 2: (5, "MIG 1g.10gb")}.items():
        node.call(0, f"uuid.{index}", f"MIG-{index}").call(0, f"name.{index}", name)
        node.call(0, f"gpu_instance.{index}", instance).call(0, f"compute_instance.{index}", 0)
    assert calls.CALLS["mig"](nvml, gpu(node)) == [["MIG-0", "MIG 3g.40gb", 1, 0], ["MIG-2", "MIG 1g.10gb", 5, 0]]


@GCC
@pytest.mark.parametrize("name", sorted(calls.CALLS))
def test_a_gpu_that_is_lost_is_not_taken_for_one_that_lacks_something(
    nvml: Any, gpu: Callable[[fake.Node], Any], answers: Answers, name: str
) -> None:
    handle = gpu(fake.nvlink4_node(1, 2))
    answers(fake.nvlink4_node(1, 2).line("gone 0 15"))
    with pytest.raises(nvml.NVMLError) as caught:
        calls.CALLS[name](nvml, handle)
    assert caught.value.value == codes.GPU_IS_LOST


@GCC
def test_a_link_that_a_gpu_lacks_hides_none_of_those_after_it(nvml: Any, gpu: Callable[[fake.Node], Any]) -> None:
    handle = gpu(fake.nvlink4_node(1, 4).without("call * nvlink_state.1", "call 0 nvlink_state.1"))
    assert calls.CALLS["link_states"](nvml, handle) == [1, None, 1, 1]


@GCC
def test_a_gpu_without_links_says_so(nvml: Any, gpu: Callable[[fake.Node], Any]) -> None:
    handle = gpu(fake.plain_node(1))
    with pytest.raises(nvml.NVMLError_NotSupported):
        calls.CALLS["link_states"](nvml, handle)
    assert calls.CALLS["remotes"](nvml, handle) == []


@pytest.mark.parametrize(
    ("domain", "bus", "device", "address"),
    [
        (0, 0x17, 0, "0000:17:00.0"),
        (0x10000, 0xFF, 0x1F, "10000:ff:1f.0"),
        (0, 0, 0, ""),
        (0, 0x100, 0, ""),
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, ""),
    ],
)
def test_addresses_are_those_of_sysfs(domain: int, bus: int, device: int, address: str) -> None:
    assert calls.address(SimpleNamespace(domain=domain, bus=bus, device=device)) == address


def test_texts_are_printable_and_bounded() -> None:
    assert calls.text(b"NVIDIA\nH100") == "NVIDIA?H100"
    assert len(calls.text("x" * 1000)) == 128
