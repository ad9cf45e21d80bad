"""What the samplers that read NVML have in common: their settings, and how long a sample waits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Now
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.nvml import shared
from probes.sources.nvml.bus import Bus
from probes.sources.nvml.client import Client
from probes.sources.nvml.errors import NvmlError

WAIT_NS = 600_000_000
"""How long a sample waits for NVML once its GPUs are known; a later answer is dropped."""
LOOK_NS = 10 * NANOSECONDS
"""How long `fabricscope samplers` waits for NVML to start."""
_PATIENCE = 0.8
"""Part of the deadline for which the first sample waits for NVML to start."""

_LOAD = "; `lsmod | grep nvidia` and `journalctl -k | grep NVRM` say more"


class NvmlSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that the samplers of NVML share."""

    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung. Only the first one is slow, "
            "while NVML starts; a driver that hangs is noticed by other means.",
        ),
    ] = 5.0
    slow_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Time between two reads of what seldom changes (docs/gpus.md), in seconds; between them the "
            "last values stand.",
        ),
    ] = 10.0
    nvml_library: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Path of libnvidia-ml.so.1; empty to let the loader find it. The samplers gpu and nvlink share "
            "one child process if it is the same for both.",
        ),
    ] = ""


class Access:
    """A sampler's way to NVML."""

    def __init__(self, settings: NvmlSettings, roots: Roots, client: Client | None, clock: Clock) -> None:
        """Without a `client` the one that is shared by all samplers of the same library is used."""
        self._settings = settings
        self._version, self._control = roots.procfs("driver", "nvidia", "version"), roots.devfs("nvidiactl")
        self._shared = client is None
        self._clock = clock
        self._bus = Bus(roots.sysfs("bus", "pci"), clock)
        self.client = client if client is not None else shared.acquire(settings.nvml_library, clock, self._bus.count)
        self.slow_ns = int(settings.slow_seconds * NANOSECONDS)

    def missing(self) -> str | None:
        """Why there is no NVML here; None when there may be."""
        return None if self._settings.nvml_library else shared.driver_missing(self._version, self._control)

    def check_absent(self, reason: str) -> None:
        """Raise NvmlError if the host has NVIDIA GPUs although NVML cannot be reached for `reason`."""
        if self._bus.count():
            raise NvmlError(f"the PCI bus has {self._bus.described()}, and {reason}{_LOAD}")

    def none_listed(self) -> str:
        """What it means that NVML lists no GPU."""
        if not self._bus.count():
            return "NVML lists no GPU"
        return f"the PCI bus has {self._bus.described()} and NVML lists 0: is the driver loaded?{_LOAD}"

    def check_listed(self) -> None:
        """Raise NvmlError if the host has NVIDIA GPUs and NVML lists none."""
        if self._bus.count():
            raise NvmlError(self.none_listed())

    def until(self, now: Now) -> int:
        """When a sample that began at `now` gives up waiting (monotonic ns)."""
        if self.client.known():
            return now.mono + min(WAIT_NS, self._patience())
        return now.mono + self._patience()

    def look_until(self) -> int:
        """When a person has waited long enough for NVML to start (monotonic ns)."""
        return self._clock().mono + LOOK_NS

    def close(self) -> None:
        """Leave the child process, which ends with its last user."""
        if self._shared:
            shared.release(self._settings.nvml_library)

    def _patience(self) -> int:
        return int(self._settings.deadline_seconds * _PATIENCE * NANOSECONDS)
