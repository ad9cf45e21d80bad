"""PCIe links and errors of the devices that a GPU cluster's fabric hangs on, and of the ports above them.

Corruption on a link may be counted at either end, so every bridge up to the root port is read as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import MetricSpec, Now, Reading
from probes.samplers.pcie import metrics
from probes.samplers.pcie.device import Device, Place
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import pci, pci_ports, sysfs
from probes.sources.pci import Function

_LOOK_AGAIN_NS = 60_000_000_000
"""How long a device's driver and identity are taken to hold; a change in the list of addresses is seen at once."""

_KINDS = {
    0x0108: "nvme",
    0x02: "network",
    0x0207: "infiniband",
    0x03: "display",
    0x0502: "cxl_memory",
    0x0604: "bridge",
    0x0680: "other_bridge",
    0x0C06: "infiniband",
    0x12: "accelerator",
}
"""Names for classes, and for base classes as a whole. GPUs are 0x0300 and 0x0302, NVSwitches 0x0680."""


class PcieSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `pcie` sampler. Links and errors change rarely, so it runs less often than others."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = 5.0
    all_devices: Annotated[
        bool,
        Meta(
            description="Report every PCIe device, not only network and InfiniBand adapters, GPUs, accelerators, "
            "NVSwitches, CXL memory, NVMe drives and the bridges above them."
        ),
    ] = False
    max_devices: Annotated[
        int,
        Meta(
            ge=1,
            le=4096,
            description="Devices to report at most, in address order. Each keeps up to 8 files open.",
        ),
    ] = 256


class PcieSampler:
    """Reads link and AER counters of the chosen devices and of every bridge above them."""

    name: ClassVar[str] = "pcie"
    Settings: ClassVar[type[SamplerSettings]] = PcieSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.ALL

    def __init__(self, settings: PcieSettings, roots: Roots) -> None:
        self._settings = settings
        self._bus = roots.sysfs("bus", "pci")
        self._addresses: list[str] = []
        self._looked_ns = 0
        self._devices: list[Device] = []
        self._left_out = [Reading(metrics.LEFT_OUT, (), 0.0)]
        self._parts: list[Sequence[Reading]] = []
        self._rows: list[Reading] = []
        """The parts put together."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            addresses = pci.addresses(self._bus)
        except sysfs.Unreadable as error:
            return f"PCI devices cannot be listed: {error}"
        if not addresses:
            return f"no PCI devices in {self._bus / 'devices'}"
        if not self._choose(self._functions(addresses)):
            return (
                f"of {len(addresses)} PCI devices, none that is chosen has a PCIe link or AER counters, as in most "
                "virtual machines; `all_devices: true` chooses all"
            )
        return None

    def sample(self, now: Now) -> list[Reading]:
        """The readings of each chosen device: the same list again while nothing changed.

        Raises OSError when the devices cannot be listed.
        """
        self._look(now)
        parts = [device.readings() for device in self._devices]
        parts.append(self._left_out)
        if parts != self._parts:
            self._parts, self._rows = parts, list(chain.from_iterable(parts))
        return self._rows

    def close(self) -> None:
        """Close every file; the next sample looks at everything anew."""
        for device in self._devices:
            device.close()
        self._addresses, self._devices = [], []

    def _look(self, now: Now) -> None:
        """Bring the list of devices up to date."""
        try:
            addresses = pci.addresses(self._bus)
        except sysfs.Unreadable as error:
            raise OSError(f"PCI devices cannot be listed: {error}") from error
        if addresses == self._addresses and now.mono - self._looked_ns < _LOOK_AGAIN_NS:
            return
        functions = self._functions(addresses)
        chosen = self._choose(functions)
        before = {device.place.address: device for device in self._devices}
        self._devices = [
            self._device(place, before.pop(place.address, None))
            for place in self._places(chosen[: self._settings.max_devices], functions)
        ]
        for gone in before.values():
            gone.close()
        self._left_out = [Reading(metrics.LEFT_OUT, (), float(len(chosen) - len(self._devices)))]
        self._addresses, self._looked_ns = addresses, now.mono

    def _device(self, place: Place, before: Device | None) -> Device:
        """The device with what was known of it; as new when anything about it changed."""
        if before is not None and before.place == place and not before.renewed():
            return before
        if before is not None:
            before.close()
        return Device(self._bus, place, () if before is None else before.errors)

    def _functions(self, addresses: Sequence[str]) -> dict[str, Function]:
        return {address: pci.read_function(self._bus, address) for address in addresses}

    def _choose(self, functions: Mapping[str, Function]) -> list[list[Function]]:
        """Each chosen device that has something to measure, followed by the ports above it, nearest first."""
        paths = {address: _path(address, functions) for address in functions}
        wanted = [function.address for function in functions.values() if self._wanted(function)]
        chosen = {function.address for address in wanted for function in paths[address]}
        return [paths[address] for address in sorted(chosen) if pci.has_link_or_aer(self._bus, address)]

    def _wanted(self, function: Function) -> bool:
        if function.virtual:
            return False
        return self._settings.all_devices or _kind(function.class_code) not in ("", "bridge")

    def _places(self, paths: Sequence[list[Function]], functions: Mapping[str, Function]) -> Iterator[Place]:
        slots = pci.read_slots(self._bus)
        ports = pci_ports.kinds(self._bus, {each.address: functions[each.address] for path in paths for each in path})
        known = {path[0].address: pci.read_identity(self._bus, path[0].address) for path in paths}
        for function, *above in paths:
            address, upstream = function.address, function.upstream
            # A switch's downstream ports hang on its inner bus: that is no link.
            linked = ports.get(upstream) in pci_ports.LEADS_DOWN and upstream in known
            yield Place(
                address=address,
                upstream=upstream,
                kind=_kind(function.class_code),
                port=ports.get(address, ""),
                class_id=f"0x{function.class_code:06x}",
                slot=slots.get(address.rpartition(".")[0], ""),
                own=known[address],
                other_end=known[upstream] if linked else None,
                upstream_kind=ports.get(upstream, ""),
                root_port=above[-1].address if above else "",
            )


def _kind(class_code: int) -> str:
    return _KINDS.get(class_code >> 8) or _KINDS.get(class_code >> 16, "")


def _path(address: str, functions: Mapping[str, Function]) -> list[Function]:
    """The device and the ports above it, nearest first."""
    path: list[Function] = []
    function = functions.get(address)
    while function is not None and function not in path:
        path.append(function)
        function = functions.get(function.upstream)
    return path
