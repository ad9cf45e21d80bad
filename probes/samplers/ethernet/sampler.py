"""Ethernet interfaces: state, speed and counters.

Counters and state come in one rtnetlink dump. Speed, duplex and driver come from sysfs, where reading the speed asks
the driver and often the firmware; so those are read again only after the carrier changed, and once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from fabricscope.model import MetricSpec, Now, Quality, Reading
from probes.samplers.ethernet import metrics
from probes.sampling.patterns import Patterns, matches
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import rtnetlink, sysfs
from probes.sources.link_monitor import LinkMonitor
from probes.sources.rtnetlink import Link

_BYTES_PER_MEGABIT = 125_000
_ASK_AGAIN_NS = 60_000_000_000
_SPEED_UNKNOWN = (1 << 32) - 1
"""SPEED_UNKNOWN is -1, which some kernels print as u32; some virtual devices say 0."""
_NOT_SUPPORTED = frozenset({"EINVAL", "EOPNOTSUPP"})
"""How the kernel says that an interface has no speed, or none while it is down."""


class EthernetSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `ethernet` sampler.

    Containers and virtual machines make interfaces by the hundred under any name, so the choice goes by what an
    interface is, not by what it is called: hardware, and the virtual kinds that stand for hardware. The patterns are
    for exceptions.
    """

    kinds: Annotated[
        Patterns, Meta(description="Virtual interfaces to report beside hardware, by kind as in `ip -d link`.")
    ] = ("bond", "team", "vlan")
    include: Annotated[
        Patterns, Meta(description="Interfaces to report whatever they are, by name; `*` and `?` are wildcards.")
    ] = ()
    exclude: Annotated[Patterns, Meta(description="Interfaces never to report, by name; stronger than `include`.")] = ()
    max_interfaces: Annotated[
        int, Meta(ge=1, le=rtnetlink.MAX_LINKS, description="Interfaces to report at most; the oldest stay.")
    ] = 256


class _Hardware(NamedTuple):
    """What sysfs says of an interface, and until when that is taken to hold."""

    state: tuple[object, ...]
    asked_ns: int
    readings: tuple[Reading, ...]


class _Interface:
    """The readings of one interface, but for those of its hardware."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._rows: list[Reading] = []

    def readings(self, link: Link) -> list[Reading]:
        """Those of what the kernel says now: the same ones again for one that stands still."""
        if link != self._link:
            self._link, self._rows = link, [*_state(link), *_counters(link)]
        return self._rows


class EthernetSampler:
    """Reads every chosen interface of the probe's network namespace; at once when the kernel says that one changed."""

    name: ClassVar[str] = "ethernet"
    Settings: ClassVar[type[SamplerSettings]] = EthernetSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.ALL

    def __init__(
        self, settings: EthernetSettings, roots: Roots, dump: Callable[[], Sequence[Link]] = rtnetlink.dump_links
    ) -> None:
        self._settings = settings
        self._roots = roots
        self._dump = dump
        self._interfaces: dict[int, _Interface] = {}
        self._hardware: dict[int, _Hardware] = {}
        self._monitor = LinkMonitor()

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            links = self._dump()
        except OSError as error:
            return f"network interfaces cannot be listed: {error}"
        if any(map(self._wanted, links)):
            return None
        names = ", ".join(link.name for link in links[:8]) or "none"
        return f"no interface with hardware behind it (there are: {names}); name others in `include`"

    def sample(self, now: Now) -> list[Reading]:
        """The readings of each chosen interface. Raises OSError when the kernel cannot be asked."""
        # Before the dump: what changes during it wakes again.
        self._monitor.drain()
        wanted = [link for link in self._dump() if self._wanted(link)]
        chosen = wanted[: self._settings.max_interfaces]
        self._interfaces = {link.ifindex: self._interfaces.get(link.ifindex) or _Interface() for link in chosen}
        self._hardware = {index: known for index, known in self._hardware.items() if index in self._interfaces}
        rows = []
        for link in chosen:
            rows += self._interfaces[link.ifindex].readings(link)
            rows += self._from_sysfs(link, now)
        rows.append(Reading(metrics.LEFT_OUT, (), float(len(wanted) - len(chosen))))
        return rows

    def wake_descriptor(self) -> int | None:
        """Readable when an interface changed."""
        return self._monitor.descriptor()

    def close(self) -> None:
        """Hear no more of interfaces."""
        self._monitor.close()

    def _wanted(self, link: Link) -> bool:
        settings = self._settings
        if matches(link.name, settings.exclude):
            return False
        if matches(link.name, settings.include):
            return True
        if link.hardware_type != rtnetlink.ETHERNET:
            return False
        # Some hardware has a kind (Hyper-V's does); what tells it is the parent.
        return not link.kind or bool(link.parent_name) or matches(link.kind, settings.kinds)

    def _from_sysfs(self, link: Link, now: Now) -> tuple[Reading, ...]:
        state = (link.name, link.address, link.operstate, link.admin_up, link.carrier_changes)
        known = self._hardware.get(link.ifindex)
        if known is None or known.state != state or now.mono - known.asked_ns >= _ASK_AGAIN_NS:
            known = _Hardware(state, now.mono, tuple(self._ask(link)))
            self._hardware[link.ifindex] = known
        return known.readings

    def _ask(self, link: Link) -> Iterator[Reading]:
        path = self._roots.sysfs("class", "net", link.name)
        try:
            speed = sysfs.read_int(path / "speed")
            if speed is not None and 0 < speed < _SPEED_UNKNOWN:
                yield Reading(metrics.SPEED, (link.name,), float(speed * _BYTES_PER_MEGABIT))
        except sysfs.Unreadable as error:
            if error.reason not in _NOT_SUPPORTED:
                yield Reading(metrics.SPEED, (link.name,), None, Quality.UNREADABLE)
        duplex = sysfs.read_label(path / "duplex")
        if duplex in ("full", "half"):
            yield Reading(metrics.FULL_DUPLEX, (link.name,), float(duplex == "full"))
        driver = sysfs.read_link_name(path / "device" / "driver")
        bus_address = link.parent_name or sysfs.read_link_name(path / "device")
        yield Reading(metrics.INFO, (link.name, link.address, link.kind, driver, bus_address), 1.0)


def _is_up(link: Link) -> bool:
    """Drivers that keep no operational state leave it `unknown`; then the carrier decides."""
    return link.operstate == "up" or (link.operstate == "unknown" and link.admin_up and link.lower_up)


def _state(link: Link) -> Iterator[Reading]:
    labels = (link.name,)
    yield Reading(metrics.UP, labels, float(_is_up(link)))
    yield Reading(metrics.ADMIN_UP, labels, float(link.admin_up))
    if link.carrier is not None and link.admin_up:
        yield Reading(metrics.CARRIER, labels, float(link.carrier))
    if link.mtu is not None:
        yield Reading(metrics.MTU, labels, float(link.mtu))


def _counters(link: Link) -> list[Reading]:
    labels, stats = (link.name,), link.stats
    changes = (
        (metrics.CARRIER_CHANGES, link.carrier_changes),
        (metrics.CARRIER_UP_CHANGES, link.carrier_up_count),
        (metrics.CARRIER_DOWN_CHANGES, link.carrier_down_count),
    )
    rows = [Reading(spec, labels, count) for spec, count in changes if count is not None]
    return rows + [Reading(spec, labels, stats[field]) for field, spec in metrics.STATISTICS.items() if field in stats]
