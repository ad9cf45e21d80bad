"""What can be asked of a GPU besides field values, in the child: one function a call, plain data out.

`nvml` is the module pynvml (typed Any: it has no annotations). Each function raises its NVMLError. Texts are bounded,
lists are too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from probes.sources.nvml import codes, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Plain = int | float | str | list[Any] | None
    Call = Callable[[Any, Any], Plain]
    """(pynvml, device handle) -> plain data."""


_TEXT = 128
_MAX_MIG = 64
_FABRIC_MISMATCH = (2, 13, 25)
"""Codes of a library that does not know this form of the question."""


def text(value: object) -> str:
    """What the library calls something, as printable text of a bounded length."""
    found = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in found[:_TEXT])


def address(info: Any) -> str:
    """A PCI address as Linux writes it (`0000:17:00.0`) from nvmlPciInfo_t; empty when it is none.

    NVML writes eight digits of domain in capitals. Its structure is read by number, since the text may be empty for
    the far end of a link.
    """
    domain, bus, device = int(info.domain), int(info.bus), int(info.device)
    if not (domain or bus or device) or bus > 0xFF or device > 0x1F:
        return ""
    return f"{domain:04x}:{bus:02x}:{device:02x}.0"


def _identity(nvml: Any, gpu: Any) -> Plain:
    """uuid, name, serial, vbios: each empty where the GPU has none."""
    return [
        text(_optional(nvml, "", nvml.nvmlDeviceGetUUID, gpu)),
        text(_optional(nvml, "", nvml.nvmlDeviceGetName, gpu)),
        text(_optional(nvml, "", nvml.nvmlDeviceGetSerial, gpu)),
        text(_optional(nvml, "", nvml.nvmlDeviceGetVbiosVersion, gpu)),
    ]


def _link_states(nvml: Any, gpu: Any) -> Plain:
    """The state (0 or 1) of link 0 and on, up to the last that the GPU has; None for one in between that it has not."""
    states: list[int | None] = []
    refused: Any = None
    for link in range(fields.MAX_LINKS):
        try:
            states.append(int(nvml.nvmlDeviceGetNvLinkState(gpu, link)))
        except nvml.NVMLError as error:
            refused = refused or error
            if error.value == nvml.NVML_ERROR_INVALID_ARGUMENT:
                break
            if error.value != nvml.NVML_ERROR_NOT_SUPPORTED:
                raise
            states.append(None)
    while states and states[-1] is None:
        states.pop()
    if not states and refused is not None:
        raise refused
    return list(states)


def _link_versions(nvml: Any, gpu: Any) -> Plain:
    """nvmlNvlinkVersion_t of each link, None for one that does not say."""
    return [_optional(nvml, None, nvml.nvmlDeviceGetNvLinkVersion, gpu, link) for link in range(fields.MAX_LINKS)]


def _remotes(nvml: Any, gpu: Any) -> Plain:
    """[link, type, address] of the far end of each link that has one; the type is None where it is not known."""
    found: list[Any] = []
    for link in range(fields.MAX_LINKS):
        kind = _optional(nvml, None, nvml.nvmlDeviceGetNvLinkRemoteDeviceType, gpu, link)
        place = _optional(nvml, None, nvml.nvmlDeviceGetNvLinkRemotePciInfo, gpu, link)
        if kind is not None or place is not None:
            found.append([link, kind, "" if place is None else address(place)])
    return found


def _fabric(nvml: Any, gpu: Any) -> Plain:
    """state, status, cluster UUID, clique, health mask, health summary; the last two None in older drivers."""
    for kind in (nvml.c_nvmlGpuFabricInfo_v3_t, nvml.c_nvmlGpuFabricInfo_v2_t):
        info = kind()
        try:
            nvml.nvmlDeviceGetGpuFabricInfoV(gpu, ctypes.byref(info))
        except nvml.NVMLError as error:
            if error.value not in _FABRIC_MISMATCH:
                raise
            continue
        summary = int(info.healthSummary) if hasattr(info, "healthSummary") else None
        return [*_fabric_base(info), int(info.healthMask), summary]
    info = nvml.c_nvmlGpuFabricInfo_t()
    nvml.nvmlDeviceGetGpuFabricInfo(gpu, ctypes.byref(info))
    return [*_fabric_base(info), None, None]


def _fabric_base(info: Any) -> list[Any]:
    digits = bytes(info.clusterUuid).hex()
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return [int(info.state), int(info.status), uuid if digits.strip("0") else "", int(info.cliqueId)]


def _mig(nvml: Any, gpu: Any) -> Plain:
    """[uuid, name, GPU instance, compute instance] of each MIG device; none while MIG is off."""
    current, _ = nvml.nvmlDeviceGetMigMode(gpu)
    if not current:
        return []
    found: list[Any] = []
    for index in range(min(int(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)), _MAX_MIG)):
        device = _optional(nvml, None, nvml.nvmlDeviceGetMigDeviceHandleByIndex, gpu, index)
        if device is None:
            continue
        found.append(
            [
                text(nvml.nvmlDeviceGetUUID(device)),
                text(nvml.nvmlDeviceGetName(device)),
                int(nvml.nvmlDeviceGetGpuInstanceId(device)),
                int(nvml.nvmlDeviceGetComputeInstanceId(device)),
            ]
        )
    return found


def _optional(nvml: Any, otherwise: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` gives, or `otherwise` where the library has none. A GPU that is lost is not passed over."""
    try:
        return function(*arguments)
    except nvml.NVMLError as error:
        if error.value in codes.LOST:
            raise
        return otherwise


CALLS: dict[str, Call] = {
    "clocks_event_reasons": lambda nvml, gpu: int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)),
    "fabric": _fabric,
    "identity": _identity,
    "link_states": _link_states,
    "link_versions": _link_versions,
    "mig": _mig,
    "pcie_generation": lambda nvml, gpu: int(nvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu)),
    "pcie_generation_max": lambda nvml, gpu: int(nvml.nvmlDeviceGetMaxPcieLinkGeneration(gpu)),
    "pcie_width": lambda nvml, gpu: int(nvml.nvmlDeviceGetCurrPcieLinkWidth(gpu)),
    "pcie_width_max": lambda nvml, gpu: int(nvml.nvmlDeviceGetMaxPcieLinkWidth(gpu)),
    "power": lambda nvml, gpu: int(nvml.nvmlDeviceGetPowerUsage(gpu)),
    "power_limit": lambda nvml, gpu: int(nvml.nvmlDeviceGetEnforcedPowerLimit(gpu)),
    "remotes": _remotes,
    "temperature": lambda nvml, gpu: int(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
    "temperature_margin": lambda nvml, gpu: int(nvml.nvmlDeviceGetMarginTemperature(gpu)),
    "temperature_shutdown": lambda nvml, gpu: int(
        nvml.nvmlDeviceGetTemperatureThreshold(gpu, nvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)
    ),
    "temperature_slowdown": lambda nvml, gpu: int(
        nvml.nvmlDeviceGetTemperatureThreshold(gpu, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
    ),
}
"""By the name that a request gives. None of them waits for a sampling window, as nvmlDeviceGetPcieThroughput does."""
