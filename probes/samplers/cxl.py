"""CXL memory: whether it is in use, what it is, and the ports and decoders that lead to it.

Errors of its links are those of PCIe: the `pcie` sampler has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, Watch
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import cxl, sysfs

_LOOK_AGAIN_NS = 60_000_000_000
"""How long what is fixed about a device is taken to hold; one that comes or goes is seen at once."""

_ROOT = "/sys/bus/cxl/devices"


def _gauge(
    name: str, text: str, labels: tuple[str, ...], source: str, unit: str = "", watch: Watch | None = None
) -> MetricSpec:
    link = "cxl_" + name.partition("_")[0] if watch else ""
    return MetricSpec(
        f"fabricscope_cxl_{name}", Kind.GAUGE, text, labels, unit, source=f"{_ROOT}/{source}", watch=watch, link=link
    )


_MEMORY_UP = _gauge(
    "memory_up",
    "1 while the kernel uses the memory device; 0 when its driver gave it up, as after an error of its link.",
    ("device", "address"),
    "mem<n>/driver",
    watch=Watch.UP_DOWN,
)
_MEMORY_INFO = _gauge(
    "memory_info",
    "Always 1; the labels say what the memory device is and where. `endpoint` is its place in the hierarchy, "
    "`upstream` the PCI address of the port that it is plugged into.",
    ("device", "address", "serial", "firmware", "numa_node", "security", "endpoint", "upstream"),
    "mem<n>/{serial,firmware_version,numa_node,security/state}",
)
_MEMORY_SIZE = _gauge(
    "memory_size_bytes",
    "Capacity of the memory device that is only of that sort (ram, pmem).",
    ("device", "partition"),
    "mem<n>/{ram,pmem}/size",
    "bytes",
)
_PORT_INFO = _gauge(
    "port_info",
    "Always 1; the labels say where a port is: `parent` is the port above it, `parent_dport` the downstream port there "
    "that leads to it, `uport` the device that it belongs to.",
    ("port", "kind", "parent", "parent_dport", "uport"),
    "{root,port,endpoint}<n>/{uport,parent_dport}",
)
_COMMITTED = _gauge(
    "port_decoders_committed",
    "Decoders of the port that map memory at this moment.",
    ("port",),
    "{port,endpoint}<n>/decoders_committed",
)
_DECODER_INFO = _gauge(
    "decoder_info",
    "Always 1; the labels say what a decoder maps.",
    ("decoder", "kind", "port", "mode", "region"),
    "decoder<n>.<m>/{devtype,mode,region}",
)
_REGION_UP = _gauge(
    "region_committed",
    "1 while the region is mapped in hardware; 0 while it is only planned.",
    ("region",),
    "region<n>/commit",
    watch=Watch.UP_DOWN,
)
_REGION_INFO = _gauge(
    "region_info",
    "Always 1; the labels say what the region is made of. `targets` are the decoders of the devices that it is spread "
    "over, in order.",
    ("region", "mode", "decoder", "targets"),
    "region<n>/{mode,target<m>}",
)
_REGION_SIZE = _gauge("region_size_bytes", "Size of the region.", ("region",), "region<n>/size", "bytes")
_REGION_WAYS = _gauge(
    "region_interleave_ways", "Devices that the region is spread over.", ("region",), "region<n>/interleave_ways"
)
_LEFT_OUT = MetricSpec(
    "fabricscope_cxl_objects_left_out",
    Kind.GAUGE,
    "Devices, ports, decoders and regions beyond the setting max_objects, not reported.",
)


class CxlSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `cxl` sampler."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = (
        10.0
    )
    max_objects: Annotated[
        int, Meta(ge=1, le=4096, description="Memory devices, and ports, decoders and regions, at most, of each sort.")
    ] = 256


class CxlSampler:
    """Reads the CXL bus."""

    name: ClassVar[str] = "cxl"
    Settings: ClassVar[type[SamplerSettings]] = CxlSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *(_MEMORY_UP, _MEMORY_INFO, _MEMORY_SIZE, _PORT_INFO, _COMMITTED, _DECODER_INFO),
        *(_REGION_UP, _REGION_INFO, _REGION_SIZE, _REGION_WAYS, _LEFT_OUT),
    )

    def __init__(self, settings: CxlSettings, roots: Roots) -> None:
        self._settings = settings
        self._devices = roots.sysfs("bus", "cxl", "devices")
        self._names: dict[str, list[str]] = {}
        self._looked_ns = 0
        self._fixed: list[Reading] = []
        self._memories: list[cxl.Memory] = []
        self._ports: list[str] = []
        self._regions: list[str] = []

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            found = cxl.names(self._devices)
        except sysfs.Unreadable as error:
            return f"CXL devices cannot be listed: {error}"
        if not found:
            return f"nothing in {self._devices}: no CXL hardware, or its drivers (cxl_acpi, cxl_pci) are not loaded"
        return None

    def sample(self, now: Now) -> list[Reading]:
        """State and identity of everything on the bus. Raises OSError when it cannot be listed."""
        self._look(now)
        readings = list(self._fixed)
        for memory in self._memories:
            up = cxl.has_driver(self._devices, memory.name)
            readings.append(Reading(_MEMORY_UP, (memory.name, memory.address), float(up)))
        for port in self._ports:
            readings += self._number(_COMMITTED, port, "decoders_committed")
        for region in self._regions:
            readings += self._number(_REGION_UP, region, "commit")
            readings += self._number(_REGION_SIZE, region, "size")
            readings += self._number(_REGION_WAYS, region, "interleave_ways")
        return readings

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _look(self, now: Now) -> None:
        """Bring what is fixed up to date."""
        try:
            found = cxl.names(self._devices)
        except sysfs.Unreadable as error:
            raise OSError(f"CXL devices cannot be listed: {error}") from error
        if found == self._names and now.mono - self._looked_ns < _LOOK_AGAIN_NS:
            return
        most = self._settings.max_objects
        ports = [name for kind in ("root", "port", "endpoint") for name in found.get(kind, ())]
        decoders = found.get("decoder", [])
        self._memories = [cxl.read_memory(self._devices, name) for name in found.get("mem", [])[:most]]
        self._ports = ports[:most]
        self._regions = found.get("region", [])[:most]
        places = [cxl.read_port(self._devices, name) for name in self._ports]
        self._fixed = [
            *_of_memories(self._memories, places),
            *(Reading(_PORT_INFO, (p.name, p.kind, p.parent, p.parent_dport, p.uport), 1.0) for p in places),
            *(Reading(_DECODER_INFO, cxl.read_decoder(self._devices, name), 1.0) for name in decoders[:most]),
            *map(self._region, self._regions),
        ]
        sorts = (found.get("mem", []), ports, decoders, found.get("region", []))
        self._fixed.append(Reading(_LEFT_OUT, (), float(sum(max(len(sort) - most, 0) for sort in sorts))))
        self._names, self._looked_ns = found, now.mono

    def _region(self, name: str) -> Reading:
        region = cxl.read_region(self._devices, name)
        return Reading(_REGION_INFO, (name, region.mode, region.decoder, ",".join(region.targets)), 1.0)

    def _number(self, spec: MetricSpec, name: str, attribute: str) -> Iterator[Reading]:
        try:
            value = cxl.read_number(self._devices, name, attribute)
        except sysfs.Unreadable:
            yield Reading(spec, (name,), None, Quality.UNREADABLE)
            return
        if value is not None:
            yield Reading(spec, (name,), float(value))


def _of_memories(memories: Sequence[cxl.Memory], ports: Sequence[cxl.Port]) -> Iterator[Reading]:
    endpoints = {port.uport: port for port in ports if port.kind == "endpoint"}
    for memory in memories:
        endpoint = endpoints.get(memory.name)
        place = (endpoint.name, endpoint.parent_dport) if endpoint else ("", "")
        identity = (memory.serial, memory.firmware, memory.numa_node, memory.security)
        yield Reading(_MEMORY_INFO, (memory.name, memory.address, *identity, *place), 1.0)
        for partition, size in (("ram", memory.ram_bytes), ("pmem", memory.persistent_bytes)):
            if size is not None:
                yield Reading(_MEMORY_SIZE, (memory.name, partition), float(size))
