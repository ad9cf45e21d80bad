"""The NVLink fabric's view of a GPU: registration, health mask, and which domain and clique it is in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fabricscope.model import Reading
from probes.samplers.nvlink import metrics
from probes.sources import sysfs

NOT_SUPPORTED = 0
"""State of a GPU that is in no fabric."""

_COMPLETED = 3
_FLAGS = {"degraded_bandwidth": 0, "route_recovery": 2, "route_unhealthy": 4, "access_timeout_recovery": 6}
"""Shift in the mask of what is two bits wide: 0 not watched, 1 true, 2 false."""
_CONFIGURATION, _CONFIGURATION_NONE = 8, 1
_CONFIGURATIONS = {
    2: "incorrect_system_guid",
    3: "incorrect_chassis_serial",
    4: "no_partition",
    5: "insufficient_nvlinks",
    6: "incompatible_gpu_firmware",
    7: "invalid_location",
    8: "gpu_state_invalid",
}
_LACKS = {"partition_unassigned": 12, "fabric_manager_disconnected": 14}
"""Shift of what is two bits wide and should hold: 0 not watched, 1 it does, 2 it does not."""


def readings(gpu: str, said: Any) -> Iterator[Reading]:
    """What the `fabric` call of calls.py says: state, status, cluster UUID, clique, health mask, summary."""
    if not isinstance(said, list) or len(said) != 6:
        return
    state, status, cluster, clique, mask, _summary = said
    if not (isinstance(state, int) and isinstance(status, int)) or state == NOT_SUPPORTED:
        return
    yield Reading(metrics.FABRIC_STATE, (gpu,), float(state))
    if state == _COMPLETED:
        # Before that the status says nothing.
        yield Reading(metrics.FABRIC_STATUS, (gpu,), float(status))
        yield Reading(metrics.FABRIC_INFO, (gpu, sysfs.printable(str(cluster)), str(clique)), 1.0)
    if isinstance(mask, int):
        for cause, unhealthy in unhealthy_causes(mask).items():
            yield Reading(metrics.FABRIC_UNHEALTHY, (gpu, cause), float(unhealthy))


def unhealthy_causes(mask: int) -> dict[str, bool]:
    """The health mask taken apart (NVML_GPU_FABRIC_HEALTH_MASK_* in nvml.h): by cause, whether it holds.

    Causes that this GPU or fabric does not watch are left out. A configuration that is right is one cause that does
    not hold (`configuration`), since the mask has room for one that is wrong at a time.
    """
    causes: dict[str, bool] = {}
    for cause, shift in _FLAGS.items():
        flag = mask >> shift & 3
        if flag in (1, 2):
            causes[cause] = flag == 1
    configuration = mask >> _CONFIGURATION & 0xF
    if configuration == _CONFIGURATION_NONE:
        causes["configuration"] = False
    elif configuration:
        causes["configuration"] = True
        causes[_CONFIGURATIONS.get(configuration, f"configuration_{configuration}")] = True
    for cause, shift in _LACKS.items():
        flag = mask >> shift & 3
        if flag in (1, 2):
            causes[cause] = flag == 2
    return causes
