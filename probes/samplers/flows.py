"""Flows of mirrored packets: what runs over the fabric, who talks to whom, and what RDMA loses on the wire."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.clock import NANOSECONDS, Clock, system_clock
from fabricscope.flow import Flow, FlowRecord
from fabricscope.model import Event, MetricSpec, Now, Reading, Severity
from probes.engine import Meter
from probes.flows import metrics
from probes.flows.keeping import Keeper
from probes.flows.language.problems import RulesError
from probes.flows.language.rule_files import load, stamp
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from probes.flows.mirrors import seen_by_all
from probes.flows.observer import Captured, Observer
from probes.sampling.sampler import Roots, Row, SamplerSettings
from probes.sources import libpcap
from probes.sources.ipfix_sender import IpfixSender
from probes.sources.kept_packets import KeptRing
from probes.sources.mirror import MirrorPort, RingOptions

_RETRY_NS = 10 * NANOSECONDS
"""How often an interface is tried that could not be opened."""
_RULES_NS = 5 * NANOSECONDS
"""How often rule files are looked at."""

MAX_RECORDS = 2000
"""Records of a port that one sample carries, for packing them takes the probe's time; the next carries the next."""
MAX_WAITING = 65_536
"""Records of a port that wait for it. Those beyond are counted, and gone."""

_Interface = Annotated[str, Meta(min_length=1, max_length=15)]


class FlowsSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `flows` sampler."""

    enabled: Annotated[bool, Meta(description="Whether mirrored packets are read. Needs CAP_NET_RAW.")] = False
    interfaces: Annotated[
        tuple[_Interface, ...],
        Meta(max_length=16, description="Interfaces on which mirrored packets arrive. None: nothing is read."),
    ] = ()
    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Threads for each interface, each with a capture ring and flow table of its own. Both ways of "
            "a conversation meet in one, also inside ERSPAN, GRE, VXLAN and Geneve.",
        ),
    ] = 1
    ring_bytes: Annotated[int, Meta(ge=2 << 20, le=4 << 30, description="Memory of each capture ring, in bytes.")] = (
        32 << 20
    )
    snap_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=262_144,
            description="Octets kept of each packet, 0 for all. 128 suffice for all but rules that look at payload.",
        ),
    ] = 0
    filter: Annotated[
        str, Meta(max_length=4096, description="Packets that are read, in tcpdump's filter language; empty for all.")
    ] = ""
    promiscuous: Annotated[
        bool, Meta(description="Read packets to other Ethernet addresses, as mirrored ones are.")
    ] = True
    outgoing: Annotated[bool, Meta(description="Read packets that this host sends as well.")] = False
    meter: Annotated[MeterSettings, Meta(description="How flows are followed.")] = MeterSettings()
    rules: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Files and folders of flow rules over the shipped ones. They are read again when they change; "
            "with an error in them the old rules stay.",
        ),
    ] = ()
    max_classes: Annotated[
        int,
        Meta(ge=1, le=1000, description="Applications and behaviours with series of their own; the rest is `other`."),
    ] = 100
    max_pairs: Annotated[
        int, Meta(ge=1, le=1000, description="Pairs of hosts with series of their own; the rest is `other`.")
    ] = 50
    max_connections: Annotated[
        int,
        Meta(ge=1, le=1000, description="Queue pair connections with series of their own; the rest is `other`."),
    ] = 50
    keep_folder: Annotated[
        str,
        Meta(
            max_length=1000,
            description="Folder for packets of flows whose policy says `keep`, two pcapng files an interface that take "
            "turns. Needs `meter.keep_bytes`.",
        ),
    ] = "/var/lib/fabricscope/packets"
    keep_file_bytes: Annotated[
        int, Meta(ge=1 << 20, le=1 << 40, description="Size of both files of an interface together.")
    ] = 1 << 30
    ipfix: Annotated[
        str, Meta(max_length=260, description="HOST:PORT to which flow records go as IPFIX over UDP; empty for nobody.")
    ] = ""


class FlowsSampler:
    """Reads mirror ports. Capturing begins with the first sample."""

    name: ClassVar[str] = "flows"
    Settings: ClassVar[type[SamplerSettings]] = FlowsSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.METRICS

    def __init__(
        self,
        settings: FlowsSettings,
        roots: Roots,
        clock: Clock = system_clock,
        open_port: Callable[..., MirrorPort] = MirrorPort,
    ) -> None:
        """Raises RulesError for rules that cannot be used, FilterError for such a filter, SettingsError for `ipfix`."""
        self._settings = settings
        self._clock = clock
        self._open_port = open_port
        if settings.filter:
            # Compiled again for each interface: here a mistake in it is found before packets are read.
            libpcap.compile_filter(settings.filter)
        self._rules = load(map(Path, settings.rules))
        self._classifier = make_classifier(self._rules)
        self._stamp = stamp(settings.rules)
        self._looked = 0
        limits = (settings.max_classes, settings.max_pairs, settings.max_connections)
        self._observers = {name: Observer(name, self._rules, limits) for name in settings.interfaces}
        folder = Path(settings.keep_folder)
        self._keepers = {
            name: Keeper(KeptRing(folder, name, settings.keep_file_bytes).write) for name in settings.interfaces
        }
        self._ports: dict[str, MirrorPort] = {}
        self._tried: dict[str, int] = {}
        """When it was last tried to open an interface (monotonic ns)."""
        self._reasons: dict[str, str] = {}
        """Why an interface cannot be captured from."""
        self._waiting: dict[str, deque[FlowRecord]] = {name: deque() for name in settings.interfaces}
        self._left_out = dict.fromkeys(settings.interfaces, 0)
        self._ipfix = IpfixSender(settings.ipfix) if settings.ipfix else None

    def unavailable(self) -> str | None:
        """Which setting is missing, or why the interfaces cannot be captured from."""
        if not self._settings.interfaces:
            return "no mirror port is named: set probe.samplers.flows.interfaces"
        self._open(self._clock())
        if self._ports:
            return None
        return "; ".join(self._reasons.values())

    def sample(self, now: Now) -> Iterator[Row]:
        """What each mirror port has seen. Raises OSError when none can be captured from."""
        if (event := self._reload(now)) is not None:
            yield event
        self._open(now)
        exported: list[Flow] = []
        trouble = []
        for name, observer in self._observers.items():
            port = self._ports.get(name)
            if port is not None:
                books = port.books()
                self._keep(name, seen_by_all(port.take(), books))
                try:
                    counts = port.counts()
                except OSError as error:
                    port, self._reasons[name] = None, error.strerror or str(error)
                else:
                    yield from observer.books(books, Captured(*counts), self._left_out[name])
            yield observer.is_up(up=port is not None)
            if port is None:
                trouble.append(self._reasons[name])
            for row in observer.observe(self._some(name), now):
                if isinstance(row, Flow):
                    exported.append(row)
                yield row
            if self._settings.meter.keep_bytes:
                yield from self._keep_packets(name, observer.kept, port, now)
        if self._ipfix is not None:
            self._ipfix.send(exported, now.wall // NANOSECONDS)
        if trouble and len(trouble) == len(self._observers):
            raise OSError("; ".join(trouble))

    def close(self) -> None:
        """Stop capturing, and give back rings and sockets."""
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        if self._ipfix is not None:
            self._ipfix.close()

    def _open(self, now: Now) -> None:
        """Open what is not open, or no longer there: now and then."""
        for name in self._settings.interfaces:
            port = self._ports.get(name)
            if port is not None and not port.is_gone:
                continue
            if port is not None:
                self._reasons[name] = port.reason
                books = self._ports.pop(name).books()
                self._keep(name, seen_by_all(port.close(), books))
            if name in self._tried and now.mono - self._tried[name] < _RETRY_NS:
                continue
            self._tried[name] = now.mono
            try:
                self._ports[name] = self._open_port(name, self._options(name), self._meter, self._clock)
            except OSError as error:
                self._reasons[name] = error.strerror or str(error)

    def _keep_packets(
        self, name: str, records: Sequence[FlowRecord], port: MirrorPort | None, now: Now
    ) -> Iterator[Row]:
        """Save packets of flows, and tell how many there were; an event when they begin not to find a place."""
        keeper = self._keepers[name]
        before = keeper.trouble
        keeper.keep(records, port.meters if port is not None else ())
        if keeper.trouble and keeper.trouble != before:
            yield _event("flows.packets_not_kept", Severity.WARNING, keeper.trouble, now)
        yield Reading(metrics.KEPT, (name,), keeper.saved)
        yield Reading(metrics.KEPT_MISSED, (name,), keeper.missed)

    def _keep(self, name: str, records: Sequence[FlowRecord]) -> None:
        """Keep records until they are judged; those that find no room are counted."""
        waiting = self._waiting[name]
        room = MAX_WAITING - len(waiting)
        waiting.extend(records[:room])
        self._left_out[name] += max(len(records) - room, 0)

    def _some(self, name: str) -> list[FlowRecord]:
        """As many of the records that wait as one sample can carry."""
        waiting = self._waiting[name]
        return [waiting.popleft() for _ in range(min(len(waiting), MAX_RECORDS))]

    def _options(self, name: str) -> RingOptions:
        given = self._settings
        program = libpcap.compile_for_interface(given.filter, name) if given.filter else None
        return RingOptions(
            given.workers, given.snap_bytes, given.promiscuous, given.outgoing, given.ring_bytes, program
        )

    def _meter(self) -> Meter:
        return make_meter(self._settings.meter, self._classifier)

    def _reload(self, now: Now) -> Event | None:
        """Take up rules that were changed. The event tells what came of it; None while nothing changed."""
        if now.mono - self._looked < _RULES_NS:
            return None
        self._looked = now.mono
        found = stamp(self._settings.rules)
        if found == self._stamp:
            return None
        self._stamp = found
        try:
            rules = load(map(Path, self._settings.rules))
            classifier = make_classifier(rules)
        except (RulesError, ValueError) as error:
            return _event("flows.rules_refused", Severity.WARNING, f"the flow rules stay as they were: {error}", now)
        self._rules, self._classifier = rules, classifier
        for observer in self._observers.values():
            observer.change_rules(rules)
        for port in self._ports.values():
            port.set_rules(classifier)
        return _event("flows.rules_changed", Severity.INFO, f"{len(rules.rules)} flow rules are in force", now)


def _event(kind: str, severity: Severity, message: str, now: Now) -> Event:
    return Event(now.wall, now.mono, kind, severity, message[:4000], {"sampler": FlowsSampler.name})
