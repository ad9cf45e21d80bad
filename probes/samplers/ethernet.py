"""Ethernet interfaces: state, speed and counters.

Counters and state come in one rtnetlink dump. Speed, duplex and driver come from sysfs, where reading the speed asks
the driver and often the firmware; so those are read again only after the carrier changed, and once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, Watch
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import rtnetlink, sysfs
from probes.sources.rtnetlink import Link

_BYTES_PER_MEGABIT = 125_000
_ASK_AGAIN_NS = 60_000_000_000
_SPEED_UNKNOWN = (1 << 32) - 1
"""SPEED_UNKNOWN is -1, which some kernels print as u32; some virtual devices say 0."""
_NOT_SUPPORTED = frozenset({"EINVAL", "EOPNOTSUPP"})
"""How the kernel says that an interface has no speed, or none while it is down."""

_DEVICE = ("device",)


def _spec(
    name: str, text: str, source: str, *aliases: str, unit: str = "", bits: int = 64, watch: Watch | None = None
) -> MetricSpec:
    """A metric with a series per interface; aliases come without the `node_network_` of node_exporter."""
    return MetricSpec(
        f"fabricscope_ethernet_{name}",
        Kind.COUNTER if name.endswith("_total") else Kind.GAUGE,
        text,
        _DEVICE,
        unit=unit,
        source=source,
        bits=bits,
        watch=watch,
        link="ethernet" if watch else "",
        aliases=tuple(f"node_network_{alias}" for alias in aliases),
    )


def _statistic(field: str, text: str, *aliases: str) -> MetricSpec:
    """The counter for a field of rtnl_link_stats64; aliases come without their `_total` too."""
    words = field.replace("rx_", "receive_").replace("tx_", "transmit_")
    return _spec(
        f"{words}_total",
        text,
        f"rtnetlink IFLA_STATS64 {field}",
        *(f"{alias}_total" for alias in aliases),
        unit="bytes" if field.endswith("_bytes") else "",
    )


# node_exporter has two sets of names. `receive_drop`, `receive_frame` and `transmit_carrier` of its older one are sums
# of several of these, so they are nobody's alias.
_STATISTICS = {
    field: _statistic(field, text, *aliases)
    for field, text, *aliases in (
        ("rx_bytes", "Bytes received.", "receive_bytes"),
        ("tx_bytes", "Bytes sent.", "transmit_bytes"),
        ("rx_packets", "Packets received.", "receive_packets"),
        ("tx_packets", "Packets sent.", "transmit_packets"),
        ("rx_errors", "Bad packets received.", "receive_errors", "receive_errs"),
        ("tx_errors", "Packets that could not be sent.", "transmit_errors", "transmit_errs"),
        ("rx_dropped", "Good packets dropped on receipt, for want of room or by policy.", "receive_dropped"),
        ("tx_dropped", "Packets dropped before they were sent.", "transmit_dropped", "transmit_drop"),
        ("multicast", "Multicast packets received.", "multicast", "receive_multicast"),
        ("collisions", "Collisions while sending.", "collisions", "transmit_colls"),
        ("rx_length_errors", "Packets received with a wrong length.", "receive_length_errors"),
        ("rx_over_errors", "Packets received that did not fit the receive ring.", "receive_over_errors"),
        ("rx_crc_errors", "Packets received with a bad checksum (FCS).", "receive_crc_errors"),
        ("rx_frame_errors", "Misaligned frames received.", "receive_frame_errors"),
        ("rx_fifo_errors", "Receiver FIFO overruns.", "receive_fifo_errors", "receive_fifo"),
        ("rx_missed_errors", "Packets that the host did not take from the device in time.", "receive_missed_errors"),
        ("tx_aborted_errors", "Transmissions that were aborted.", "transmit_aborted_errors"),
        ("tx_carrier_errors", "Transmissions that lost the carrier.", "transmit_carrier_errors"),
        ("tx_fifo_errors", "Transmitter FIFO underruns.", "transmit_fifo_errors", "transmit_fifo"),
        ("tx_heartbeat_errors", "Heartbeat (SQE) errors.", "transmit_heartbeat_errors"),
        ("tx_window_errors", "Late collisions.", "transmit_window_errors"),
        ("rx_nohandler", "Packets received on an inactive interface, such as a bond's spare.", "receive_nohandler"),
        ("rx_otherhost_dropped", "Packets received that were addressed to another host."),
    )
}

_UP = _spec(
    "up",
    "1 when packets can pass: the operational state is up, or the driver keeps none and there is a carrier. "
    "0 as well for an interface that is switched off; see fabricscope_ethernet_admin_up.",
    "rtnetlink IFLA_OPERSTATE, IFF_UP, IFF_LOWER_UP",
    "up",
    watch=Watch.UP_DOWN,
)
_ADMIN_UP = _spec("admin_up", "1 when the interface is switched on by configuration.", "rtnetlink IFF_UP")
_CARRIER = _spec("carrier", "1 with a carrier; absent while switched off.", "rtnetlink IFLA_CARRIER", "carrier")
_CARRIER_CHANGES = _spec(
    "carrier_changes_total",
    "Times that the carrier came or went.",
    "rtnetlink IFLA_CARRIER_CHANGES",
    "carrier_changes_total",
    bits=32,
    watch=Watch.FLAPS,
)
_CARRIER_UP_CHANGES = _spec(
    "carrier_up_changes_total",
    "Times that the carrier came.",
    "rtnetlink IFLA_CARRIER_UP_COUNT",
    "carrier_up_changes_total",
    bits=32,
)
_CARRIER_DOWN_CHANGES = _spec(
    "carrier_down_changes_total",
    "Times that the carrier went.",
    "rtnetlink IFLA_CARRIER_DOWN_COUNT",
    "carrier_down_changes_total",
    bits=32,
)
_MTU = _spec(
    "mtu_bytes",
    "Largest packet that the interface sends.",
    "rtnetlink IFLA_MTU",
    "mtu_bytes",
    unit="bytes",
    watch=Watch.CHANGE,
)
_SPEED = _spec(
    "speed_bytes_per_second",
    "Negotiated speed; absent while the link is down and for interfaces without one.",
    "/sys/class/net/<device>/speed",
    "speed_bytes",
    unit="bytes_per_second",
    watch=Watch.CHANGE,
)
_FULL_DUPLEX = _spec(
    "full_duplex", "1 for full duplex, 0 for half; absent if unknown.", "/sys/class/net/<device>/duplex"
)
# State is not a label here: a series that changes its labels whenever a link flaps is a new series each time.
_INFO = MetricSpec(
    "fabricscope_ethernet_info",
    Kind.GAUGE,
    "Always 1; the labels say what the interface is. `kind` is empty for hardware, `bus_address` is its PCI address.",
    (*_DEVICE, "mac_address", "kind", "driver", "bus_address"),
    source="rtnetlink IFLA_ADDRESS, IFLA_INFO_KIND, IFLA_PARENT_DEV_NAME; /sys/class/net/<device>/device",
    aliases=("node_network_info",),
)
_LEFT_OUT = MetricSpec(
    "fabricscope_ethernet_interfaces_left_out",
    Kind.GAUGE,
    "Interfaces beyond the setting max_interfaces, not reported.",
)

_Pattern = Annotated[str, Meta(min_length=1, max_length=64)]
_Patterns = Annotated[tuple[_Pattern, ...], Meta(max_length=64)]


class EthernetSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `ethernet` sampler.

    Containers and virtual machines make interfaces by the hundred under any name, so the choice goes by what an
    interface is, not by what it is called: hardware, and the virtual kinds that stand for hardware. The patterns are
    for exceptions.
    """

    kinds: Annotated[
        _Patterns, Meta(description="Virtual interfaces to report beside hardware, by kind as in `ip -d link`.")
    ] = ("bond", "team", "vlan")
    include: Annotated[
        _Patterns, Meta(description="Interfaces to report whatever they are, by name; `*` and `?` are wildcards.")
    ] = ()
    exclude: Annotated[
        _Patterns, Meta(description="Interfaces never to report, by name; stronger than `include`.")
    ] = ()
    max_interfaces: Annotated[
        int, Meta(ge=1, le=rtnetlink.MAX_LINKS, description="Interfaces to report at most; the oldest stay.")
    ] = 256


class _Hardware(NamedTuple):
    """What sysfs says of an interface, and until when that is taken to hold."""

    state: tuple[object, ...]
    asked_ns: int
    readings: tuple[Reading, ...]


class EthernetSampler:
    """Reads every chosen interface of the probe's network namespace."""

    name: ClassVar[str] = "ethernet"
    Settings: ClassVar[type[SamplerSettings]] = EthernetSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *(_UP, _ADMIN_UP, _CARRIER, _CARRIER_CHANGES, _CARRIER_UP_CHANGES, _CARRIER_DOWN_CHANGES),
        *(_MTU, _SPEED, _FULL_DUPLEX, _INFO, _LEFT_OUT),
        *_STATISTICS.values(),
    )

    def __init__(
        self, settings: EthernetSettings, roots: Roots, dump: Callable[[], Sequence[Link]] = rtnetlink.dump_links
    ) -> None:
        self._settings = settings
        self._roots = roots
        self._dump = dump
        self._hardware: dict[int, _Hardware] = {}

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

    def sample(self, now: Now) -> Iterator[Reading]:
        """The readings of each chosen interface. Raises OSError when the kernel cannot be asked."""
        wanted = [link for link in self._dump() if self._wanted(link)]
        chosen = wanted[: self._settings.max_interfaces]
        present = {link.ifindex for link in chosen}
        self._hardware = {index: known for index, known in self._hardware.items() if index in present}
        for link in chosen:
            yield from _state(link)
            yield from _counters(link)
            yield from self._from_sysfs(link, now)
        yield Reading(_LEFT_OUT, (), float(len(wanted) - len(chosen)))

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _wanted(self, link: Link) -> bool:
        settings = self._settings
        if any(fnmatchcase(link.name, pattern) for pattern in settings.exclude):
            return False
        if any(fnmatchcase(link.name, pattern) for pattern in settings.include):
            return True
        if link.hardware_type != rtnetlink.ETHERNET:
            return False
        # Some hardware has a kind (Hyper-V's does); what tells it is the parent.
        return not link.kind or bool(link.parent_name) or any(fnmatchcase(link.kind, kind) for kind in settings.kinds)

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
                yield Reading(_SPEED, (link.name,), float(speed * _BYTES_PER_MEGABIT))
        except sysfs.Unreadable as error:
            if error.reason not in _NOT_SUPPORTED:
                yield Reading(_SPEED, (link.name,), None, Quality.UNREADABLE)
        duplex = sysfs.read_label(path / "duplex")
        if duplex in ("full", "half"):
            yield Reading(_FULL_DUPLEX, (link.name,), float(duplex == "full"))
        driver = sysfs.read_link_name(path / "device" / "driver")
        bus_address = link.parent_name or sysfs.read_link_name(path / "device")
        yield Reading(_INFO, (link.name, link.address, link.kind, driver, bus_address), 1.0)


def _is_up(link: Link) -> bool:
    """Drivers that keep no operational state leave it `unknown`; then the carrier decides."""
    return link.operstate == "up" or (link.operstate == "unknown" and link.admin_up and link.lower_up)


def _state(link: Link) -> Iterator[Reading]:
    labels = (link.name,)
    yield Reading(_UP, labels, float(_is_up(link)))
    yield Reading(_ADMIN_UP, labels, float(link.admin_up))
    if link.carrier is not None and link.admin_up:
        yield Reading(_CARRIER, labels, float(link.carrier))
    if link.mtu is not None:
        yield Reading(_MTU, labels, float(link.mtu))


def _counters(link: Link) -> Iterator[Reading]:
    labels = (link.name,)
    for spec, count in (
        (_CARRIER_CHANGES, link.carrier_changes),
        (_CARRIER_UP_CHANGES, link.carrier_up_count),
        (_CARRIER_DOWN_CHANGES, link.carrier_down_count),
    ):
        if count is not None:
            yield Reading(spec, labels, count)
    for field, spec in _STATISTICS.items():
        if field in link.stats:
            yield Reading(spec, labels, link.stats[field])
