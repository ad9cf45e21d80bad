from __future__ import annotations

import pytest

from fabricscope.model import Now, Severity
from probes.samplers.gpu.events import Health, health_event, opening_event, xid_event
from probes.sources.nvml.replies import Xid
from probes.sources.nvml.roster import Gpu

NOW = Now(1_700_000_000_000_000_000, 10**9)
GPU = Gpu(3, "0000:47:00.0", 3, 0)
NONE = 0xFFFFFFFF


def test_a_loss_and_its_end() -> None:
    ok, lost = Health("ok", ""), Health("lost", "NVML says GPU_IS_LOST")
    event = health_event(lost, ok, GPU, NOW)
    assert (event.kind, event.severity) == ("gpu.lost", Severity.CRITICAL)
    assert event.message == "GPU 3 (0000:47:00.0) lost: NVML says GPU_IS_LOST"
    assert event.subject == {"gpu": "3", "address": "0000:47:00.0"}
    assert event.attributes == {"reason": "NVML says GPU_IS_LOST"}
    event = health_event(ok, lost, GPU, NOW)
    assert (event.kind, event.severity) == ("gpu.recovered", Severity.INFO)
    assert event.attributes == {"reason": "it answers again; it was lost: NVML says GPU_IS_LOST"}


def test_nvml_that_does_not_open_is_about_one_gpu_or_all() -> None:
    ok, hung = Health("ok", ""), Health("hung", "NVML does not open")
    event = opening_event(hung, ok, 2, NOW)
    assert (event.kind, event.message) == ("gpu.hung", "GPU 2 hung: NVML does not open")
    assert event.subject["gpu"] == "2"
    event = opening_event(hung, ok, None, NOW)
    assert (event.kind, event.severity, event.subject) == ("gpu.hung", Severity.CRITICAL, {"gpu": "all"})
    assert event.message == "all GPUs hung: NVML does not open"
    event = opening_event(ok, hung, None, NOW)
    assert (event.kind, event.subject) == ("gpu.recovered", {"gpu": "all"})
    assert event.message == "all GPUs recovered: it answers again; it was hung: NVML does not open"


@pytest.mark.parametrize(
    ("xid", "severity", "name"),
    [
        (79, Severity.CRITICAL, "GPU has fallen off the bus"),
        (62, Severity.CRITICAL, "microcontroller halted"),
        (63, Severity.INFO, "memory row remapped"),
        # How bad these are stands in the kernel's line alone.
        (145, Severity.WARNING, "NVLink 5 error (RLW)"),
        (154, Severity.WARNING, "recovery action changed"),
        (999, Severity.WARNING, "an Xid without an entry here"),
    ],
)
def test_an_xid(xid: int, severity: Severity, name: str) -> None:
    event = xid_event(Xid(3, xid, NONE, NONE), GPU, NOW)
    assert (event.kind, event.severity) == ("gpu.xid", severity)
    assert (event.attributes["xid"], event.attributes["name"]) == (str(xid), name)
    assert event.attributes["action"]
    assert event.message == f"XID {xid}, {name}, on GPU 3 (0000:47:00.0)"


def test_an_xid_of_a_mig_instance_and_one_of_nobody() -> None:
    event = xid_event(Xid(3, 31, 5, 0), GPU, NOW)
    assert (event.attributes["gpu_instance"], event.attributes["compute_instance"]) == ("5", "0")
    event = xid_event(Xid(-1, 79, NONE, NONE), None, NOW)
    assert (event.message, event.subject) == ("XID 79, GPU has fallen off the bus, on an unknown GPU", {})


def test_a_gpu_whose_address_was_never_known() -> None:
    assert health_event(Health("lost", "why"), Health("ok", ""), Gpu(1, "", 1, 15), NOW).message == "GPU 1 lost: why"
