"""The Ethernet side of RoCE ports, from the statistics that drivers keep for themselves.

Reading them makes the driver ask its adapter, some 20 firmware commands on mlx5, all at once however few are wanted.
Which ones are wanted is a table (drivers.py). Their names are looked up when the driver's number of statistics changes,
and from time to time, since a driver can exchange some for others without changing the number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from fabricscope.model import MetricSpec, Now, Quality, Reading
from probes.samplers.roce import metrics
from probes.samplers.roce.ratios import ErrorRatio
from probes.sampling.patterns import Patterns, matches
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import ethtool, roce_ecn, sysfs
from probes.sources.ethtool import Ethtool, EthtoolError


class RoceSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `roce` sampler."""

    include: Annotated[
        Patterns,
        Meta(description="Interfaces to report, by name, if their driver is a known one; `*` and `?` are wildcards."),
    ] = ("*",)
    exclude: Annotated[Patterns, Meta(description="Interfaces never to report, by name; stronger than `include`.")] = ()
    max_devices: Annotated[
        int,
        Meta(ge=1, le=1024, description="Interfaces to report at most, in the order of their names. Each costs about a "
             "millisecond of waiting for its adapter, so virtual functions by the hundred are better excluded."),
    ] = 32  # fmt: skip
    rediscover_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=86400,
            description="Time after which drivers, names of statistics and congestion control settings are read "
            "again, in seconds. Interfaces that come or go are noticed at each sample.",
        ),
    ] = 60.0
    error_ratio_bits: Annotated[
        int,
        Meta(
            ge=1_000_000,
            le=1 << 60,
            description="Received bits that a bit error ratio is taken over; it tells no ratio below one in as many.",
        ),
    ] = 1_000_000_000_000


class _Place(NamedTuple):
    """One statistic of an interface that is reported."""

    at: int
    """Its index among the driver's statistics."""
    spec: MetricSpec
    labels: tuple[str, ...]
    divisor: int


class _Device:
    """An interface, its driver's table, and where the statistics of the table stand."""

    def __init__(self, name: str, driver: str, span: int) -> None:
        """`span` is how many bits an error ratio is taken over."""
        self.name = name
        self.driver = driver
        self.fixed: tuple[Reading, ...] = ()
        """Readings that hold until the next look around."""
        self._table = metrics.STATISTICS[driver]
        self._labels = (name,)
        self._pre_fec, self._post_fec = ErrorRatio(span), ErrorRatio(span)
        self.count = 0
        """How many statistics the driver has; 0 while their names are to be asked for."""
        self._places: tuple[_Place, ...] = ()
        self._indexes: tuple[int, ...] = ()

    def find(self, names: Sequence[str]) -> None:
        """Take the names of the driver's statistics, of which there may be none at the moment."""
        found = ethtool.indexes_of(names, self._table)
        self.count = len(names)
        places = ((index, self._table[name]) for name, index in found.items())
        self._places = tuple(_Place(index, row.spec, (*self._labels, *row.label), row.divisor) for index, row in places)
        self._indexes = tuple(place.at for place in self._places)

    def read(self, tool: Ethtool) -> list[Reading]:
        """Every chosen statistic; none when the interface is gone. Raises EthtoolError."""
        values = tool.values(self.name, self.count, self._indexes) if self._indexes else None
        if values is None:
            return []
        readings = [
            Reading(place.spec, place.labels, value if place.divisor == 1 else value / place.divisor)
            for place, value in zip(self._places, values, strict=True)
        ]
        return readings + self._ratios({row.spec: row.value for row in readings if len(row.labels) == 1})

    def unreadable(self) -> Iterator[Reading]:
        """What was there the last time, and cannot be read now."""
        self._pre_fec.forget()
        self._post_fec.forget()
        for place in self._places:
            yield Reading(place.spec, place.labels, None, Quality.UNREADABLE)

    def _ratios(self, values: dict[MetricSpec, int | float | None]) -> list[Reading]:
        readings = []
        bits = values.get(metrics.BITS)
        for spec, ratio, errors in (
            (metrics.PRE_FEC, self._pre_fec, values.get(metrics.CORRECTED_BITS)),
            (metrics.POST_FEC, self._post_fec, values.get(metrics.PCS_SYMBOL_ERRORS)),
        ):
            if isinstance(bits, int) and isinstance(errors, int):
                value = ratio.observe(bits, errors)
                if value is not None:
                    readings.append(Reading(spec, self._labels, value))
        return readings


class RoceSampler:
    """Samples the interfaces whose drivers have a table."""

    name: ClassVar[str] = "roce"
    Settings: ClassVar[type[SamplerSettings]] = RoceSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.ALL

    def __init__(self, settings: RoceSettings, roots: Roots, tool: Ethtool | None = None) -> None:
        self._settings = settings
        self._directory = roots.sysfs("class", "net")
        self._tool = tool or Ethtool()
        self._devices: list[_Device] = []
        self._left_out = 0
        self._names: list[str] | None = None
        self._look_again_at = 0

    def unavailable(self) -> str | None:
        """Why there is nothing to sample; None when there is something."""
        try:
            chosen = [name for name in sysfs.entries(self._directory) if self._chosen(name)]
        except sysfs.Unreadable as error:
            return str(error)
        if any(self._driver(name) for name in chosen):
            return None
        return f"no interface that the settings include has a driver among {', '.join(metrics.STATISTICS)}"

    def sample(self, now: Now) -> list[Reading]:
        """The statistics of every chosen interface. Raises OSError when interfaces cannot be listed."""
        self._discover(now)
        readings = [Reading(metrics.LEFT_OUT, (), self._left_out)] if self._devices else []
        for device in self._devices:
            readings += device.fixed
            try:
                readings += self._read(device)
            except EthtoolError:
                readings += device.unreadable()
        return readings

    def close(self) -> None:
        """Close the socket; the next sample opens it again."""
        self._tool.close()

    def _read(self, device: _Device) -> list[Reading]:
        if not device.count:
            device.find(self._tool.names(device.name))
        try:
            return device.read(self._tool)
        except ethtool.CountChangedError:
            device.find(self._tool.names(device.name))
            return device.read(self._tool)

    def _chosen(self, name: str) -> bool:
        return matches(name, self._settings.include) and not matches(name, self._settings.exclude)

    def _driver(self, name: str) -> str:
        """The interface's driver if it has a table, else an empty text.

        sysfs tells it for functions of a PCI device; one on another bus, such as a subfunction, says it itself.
        """
        driver = sysfs.read_link_name(self._directory / name / "device" / "driver")
        if driver and driver not in metrics.STATISTICS:
            try:
                told = self._tool.driver(name)
            except EthtoolError:
                return ""
            driver = told.name if told else ""
        return driver if driver in metrics.STATISTICS else ""

    def _discover(self, now: Now) -> None:
        """Look again at what there is, when an interface came or went, and from time to time."""
        names = sysfs.entries(self._directory)
        if now.mono < self._look_again_at and names == self._names:
            return
        self._look_again_at = now.mono + int(self._settings.rediscover_seconds * 1e9)
        self._names = names
        drivers = [(name, driver) for name in names if self._chosen(name) and (driver := self._driver(name))]
        self._left_out = max(0, len(drivers) - self._settings.max_devices)
        known = {(device.name, device.driver): device for device in self._devices}
        self._devices = []
        for name, driver in drivers[: self._settings.max_devices]:
            # What is known of its error ratios is kept.
            device = known.get((name, driver)) or _Device(name, driver, self._settings.error_ratio_bits)
            ecn = roce_ecn.read_ecn(self._directory / name / "ecn")
            device.fixed = (self._info(name, driver), *_ecn_readings(name, ecn))
            device.count = 0
            self._devices.append(device)

    def _info(self, name: str, driver: str) -> Reading:
        path = self._directory / name
        try:
            told = self._tool.driver(name)
        except EthtoolError:
            told = None
        try:
            rdma = ",".join(sysfs.entries(path / "device" / "infiniband"))
        except sysfs.Unreadable:
            rdma = ""
        firmware, bus_address = (told.firmware, told.bus_info) if told else ("", sysfs.read_link_name(path / "device"))
        return Reading(metrics.INFO, (name, driver, firmware, bus_address, sysfs.printable(rdma)), 1)


def _ecn_readings(device: str, ecn: roce_ecn.Ecn) -> Iterator[Reading]:
    for spec, settings in ((metrics.ECN_ENABLED, ecn.switches), (metrics.ECN_PARAMETER, ecn.parameters)):
        for role, name, value in settings:
            quality = Quality.UNREADABLE if value is None else Quality.OK
            yield Reading(spec, (device, role, name), value, quality)
