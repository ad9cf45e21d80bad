"""PCIe links and errors of the devices that a GPU cluster's fabric hangs on, and of the ports above them.

Corruption on a link may be counted at either end, so every bridge up to the root port is read as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, Watch
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import pci, sysfs
from probes.sources.pci import Function, Identity

_LOOK_AGAIN_NS = 60_000_000_000
"""How long a device's driver and identity are taken to hold; a change in the list of addresses is seen at once."""

_KINDS = {
    0x0108: "nvme",
    0x02: "network",
    0x0207: "infiniband",
    0x03: "display",
    0x0604: "bridge",
    0x0680: "other_bridge",
    0x0C06: "infiniband",
    0x12: "accelerator",
}
"""Names for classes, and for base classes as a whole. GPUs are 0x0300 and 0x0302, NVSwitches 0x0680."""


def _link_spec(
    name: str, text: str, file: str, *aliases: str, unit: str = "", watch: Watch | None = None
) -> MetricSpec:
    """A gauge of a device's link, read from one of its files; aliases come without `node_pcidevice_`."""
    return MetricSpec(
        f"fabricscope_pcie_link_{name}",
        Kind.GAUGE,
        text,
        ("address",),
        unit=unit,
        source=f"/sys/bus/pci/devices/<address>/{file}",
        watch=watch,
        link="pcie" if watch else "",
        aliases=tuple(f"node_pcidevice_{alias}" for alias in aliases),
    )


_UP = _link_spec(
    "up",
    "1 while the device has a link; 0 when it no longer answers, such as a GPU that fell off the bus.",
    "current_link_width",
    watch=Watch.UP_DOWN,
)
# Not watched: idle GPUs change it all day to save power, and each change would be an event.
_SPEED = _link_spec(
    "speed_transfers_per_second",
    "Negotiated speed of each lane. Some GPUs lower it while they idle.",
    "current_link_speed",
    "current_link_transfers_per_second",
    unit="transfers_per_second",
)
_SPEED_MAX = _link_spec(
    "speed_max_transfers_per_second",
    "Highest speed of each lane that the device is capable of.",
    "max_link_speed",
    "max_link_transfers_per_second",
    unit="transfers_per_second",
)
_WIDTH = _link_spec(
    "width_lanes",
    "Negotiated number of lanes.",
    "current_link_width",
    "current_link_width",
    unit="lanes",
    watch=Watch.CHANGE,
)
_WIDTH_MAX = _link_spec(
    "width_max_lanes",
    "Highest number of lanes that the device is capable of.",
    "max_link_width",
    "max_link_width",
    unit="lanes",
)
_DEGRADED = MetricSpec(
    "fabricscope_pcie_link_degraded",
    Kind.GAUGE,
    "1 when the link's `property` (speed, width) is below what both of its ends are capable of: an x16 card in an x8 "
    "slot is not degraded at x8. A lower speed alone may be an idle GPU saving power; a lower width is a fault.",
    ("address", "upstream", "property"),
    source="/sys/bus/pci/devices/<address>/{current,max}_link_{speed,width} of the device and its upstream port",
)
_AER = {
    severity: MetricSpec(
        f"fabricscope_pcie_aer_{severity}_errors_total",
        Kind.COUNTER,
        text,
        ("address", "error"),
        source=f"/sys/bus/pci/devices/<address>/aer_dev_{severity}",
    )
    for severity, text in (
        ("correctable", "Errors that the link layer repaired, by the name that the kernel gives them."),
        ("nonfatal", "Errors that lost a transaction and not the link, by the name that the kernel gives them."),
        ("fatal", "Errors after which the link is unreliable, by the name that the kernel gives them."),
    )
}
_INFO = MetricSpec(
    "fabricscope_pcie_device_info",
    Kind.GAUGE,
    "Always 1; the labels say what the device is. `upstream` is the address of the port above it.",
    ("address", "upstream", "kind", "class_id", "vendor_id", "device_id", "driver", "numa_node", "slot"),
    source="/sys/bus/pci/devices/<address>",
    aliases=("node_pcidevice_info",),
)
_LEFT_OUT = MetricSpec(
    "fabricscope_pcie_devices_left_out", Kind.GAUGE, "Devices beyond the setting max_devices, not reported."
)


class PcieSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `pcie` sampler. Links and errors change rarely, so it runs less often than others."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = 5.0
    all_devices: Annotated[
        bool,
        Meta(
            description="Report every PCIe device, not only network and InfiniBand adapters, GPUs, accelerators, "
            "NVSwitches, NVMe drives and the bridges above them."
        ),
    ] = False
    max_devices: Annotated[int, Meta(ge=1, le=4096, description="Devices to report at most, in address order.")] = 256


_UNKNOWN = Identity("", "", "", "", max_speed=None, max_width=None)


class _Device(NamedTuple):
    """A chosen device, with what is fixed about it."""

    address: str
    info: Reading
    own: Identity
    upstream: str
    other_end: Identity
    """Of the device's link, at `upstream`; unknown for a port whose own link is the one below it."""


class PcieSampler:
    """Reads link and AER counters of the chosen devices and of every bridge above them."""

    name: ClassVar[str] = "pcie"
    Settings: ClassVar[type[SamplerSettings]] = PcieSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *(_UP, _SPEED, _SPEED_MAX, _WIDTH, _WIDTH_MAX, _DEGRADED, _INFO, _LEFT_OUT),
        *_AER.values(),
    )

    def __init__(self, settings: PcieSettings, roots: Roots) -> None:
        self._settings = settings
        self._bus = roots.sysfs("bus", "pci")
        self._addresses: list[str] = []
        self._looked_ns = 0
        self._devices: list[_Device] = []
        self._left_out = 0
        self._errors: dict[tuple[str, str], tuple[str, ...]] = {}
        """Names of the errors that a device counts, by address and severity."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            addresses = pci.addresses(self._bus)
        except sysfs.Unreadable as error:
            return f"PCI devices cannot be listed: {error}"
        if not addresses:
            return f"no PCI devices in {self._bus / 'devices'}"
        if not self._choose(addresses):
            return (
                f"of {len(addresses)} PCI devices, none that is chosen has a PCIe link or AER counters, as in most "
                "virtual machines; `all_devices: true` chooses all"
            )
        return None

    def sample(self, now: Now) -> Iterator[Reading]:
        """The readings of each chosen device. Raises OSError when the devices cannot be listed."""
        self._look(now)
        for device in self._devices:
            yield device.info
            yield from self._link(device)
            for severity, spec in _AER.items():
                yield from self._aer(device.address, severity, spec)
        yield Reading(_LEFT_OUT, (), float(self._left_out))

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _look(self, now: Now) -> None:
        """Bring the list of devices up to date."""
        try:
            addresses = pci.addresses(self._bus)
        except sysfs.Unreadable as error:
            raise OSError(f"PCI devices cannot be listed: {error}") from error
        if addresses == self._addresses and now.mono - self._looked_ns < _LOOK_AGAIN_NS:
            return
        chosen = self._choose(addresses)
        self._devices = self._describe(chosen[: self._settings.max_devices])
        self._left_out = len(chosen) - len(self._devices)
        present = {device.address for device in self._devices}
        self._errors = {key: names for key, names in self._errors.items() if key[0] in present}
        self._addresses, self._looked_ns = addresses, now.mono

    def _choose(self, addresses: Sequence[str]) -> list[list[Function]]:
        """Each chosen device that has something to measure, followed by the ports above it, nearest first."""
        functions = {address: pci.read_function(self._bus, address) for address in addresses}
        paths = {address: _path(address, functions) for address in functions}
        wanted = [function.address for function in functions.values() if self._wanted(function)]
        chosen = {function.address for address in wanted for function in paths[address]}
        return [paths[address] for address in sorted(chosen) if pci.has_link_or_aer(self._bus, address)]

    def _wanted(self, function: Function) -> bool:
        if function.virtual:
            return False
        return self._settings.all_devices or _kind(function.class_code) not in ("", "bridge")

    def _describe(self, paths: Sequence[list[Function]]) -> list[_Device]:
        slots = pci.read_slots(self._bus)
        known = {path[0].address: pci.read_identity(self._bus, path[0].address) for path in paths}
        devices = []
        for function, *above in paths:
            own = known[function.address]
            slot = slots.get(function.address.rpartition(".")[0], "")
            class_id = f"0x{function.class_code:06x}"
            place = (function.address, function.upstream, _kind(function.class_code), class_id)
            identity = (own.vendor_id, own.device_id, own.driver, own.numa_node, slot)
            # From the top down, ports take turns: a root port's link goes down, a switch's upstream port's goes up, and
            # its downstream ports hang on the switch's inner bus. So a link to the port above has an odd number above.
            other_end = known.get(above[0].address, _UNKNOWN) if len(above) % 2 else _UNKNOWN
            info = Reading(_INFO, (*place, *identity), 1.0)
            devices.append(_Device(function.address, info, own, function.upstream, other_end))
        return devices

    def _link(self, device: _Device) -> Iterator[Reading]:
        labels, own = (device.address,), device.own
        try:
            state = pci.read_link(self._bus, device.address)
        except sysfs.Unreadable:
            for spec in (_UP, _SPEED, _WIDTH):
                yield Reading(spec, labels, None, Quality.UNREADABLE)
            return
        if state is None:
            return
        yield Reading(_UP, labels, float(state.width is not None))
        for spec, value in ((_SPEED, state.speed), (_WIDTH, state.width)):
            if value is None:
                yield Reading(spec, labels, None, Quality.UNREADABLE)
            else:
                yield Reading(spec, labels, float(value))
        for what, value, spec, ours, other in (
            ("speed", state.speed, _SPEED_MAX, own.max_speed, device.other_end.max_speed),
            ("width", state.width, _WIDTH_MAX, own.max_width, device.other_end.max_width),
        ):
            if ours is not None:
                yield Reading(spec, labels, float(ours))
                if value is not None and other is not None:
                    yield Reading(_DEGRADED, (device.address, device.upstream, what), float(value < min(ours, other)))

    def _aer(self, address: str, severity: str, spec: MetricSpec) -> Iterator[Reading]:
        try:
            errors = pci.read_aer(self._bus, address, severity)
        except sysfs.Unreadable:
            for name in self._errors.get((address, severity), ()):
                yield Reading(spec, (address, name), None, Quality.UNREADABLE)
            return
        if errors is None:
            return
        self._errors[address, severity] = tuple(errors)
        for name, count in errors.items():
            yield Reading(spec, (address, name), count)


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
