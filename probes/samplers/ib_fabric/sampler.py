"""Samples a whole InfiniBand subnet: finds its links with ibnetdiscover, and reads its counters with perfquery.

Nothing here runs faster than the interval, and a sample ends within its deadline: what was not asked by then is asked
first in the next one. Only links of switches are reported, unless adapters are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar

from fabricscope.model import Event, MetricSpec, Now, Quality, Reading, Severity
from probes.samplers.ib_fabric import metrics
from probes.samplers.ib_fabric.counters import CounterReader, Node, Round, Tools
from probes.samplers.ib_fabric.settings import IbFabricSettings
from probes.samplers.ib_fabric.topology import Link, Links, Recabled, of_part
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.ib_tools import discover, perfquery, umad
from probes.sources.ib_tools.discover import SWITCH, DiscoverError, Discovery, End, Port
from probes.sources.ib_tools.perfquery import Count
from probes.sources.ib_tools.runner import Command, Runner, found

MAX_RECABLED = 100
"""Events of one discovery about cables that lead elsewhere; a subnet that was rebuilt is not told cable by cable."""
_SHARE = 0.9
"""Of the deadline that asking may take; the rest is for what follows."""


class _Failed(Exception):
    """A discovery that did not work; says why."""


class IbFabricSampler:
    """Samples the switches of one subnet, or this host's part of them."""

    name: ClassVar[str] = "ib_fabric"
    Settings: ClassVar[type[SamplerSettings]] = IbFabricSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.TABLE

    def __init__(self, settings: IbFabricSettings, roots: Roots, *, tools: Tools | None = None) -> None:
        self._settings = settings
        self._devices = roots.devfs("infiniband")
        self._tools = tools or Runner(settings.parallel)
        self._local = [
            *(("-C", settings.ca) if settings.ca else ()),
            *(("-P", str(settings.ca_port)) if settings.ca_port else ()),
        ]
        self._links = Links(settings.max_ports, int(settings.remember_seconds * 1e9))
        self._reader = CounterReader(self._tools, self._ask)
        self._discovery: Discovery | None = None
        """The last one that worked."""
        self._switches: list[str] = []
        """GUIDs of the switches that are this host's part."""
        self._failure = ""
        """Why the last discovery did not work; empty when it did."""
        self._perfquery = settings.perfquery
        self._discover_at = 0
        self._discovery_ns = 0

    def unavailable(self) -> str | None:
        """Why there is nothing to sample; None when there is something."""
        for tool in (self._settings.ibnetdiscover, self._settings.perfquery):
            if found(tool) is None:
                return f"{tool} is not installed (Debian package infiniband-diags)"
        return umad.problem(self._devices)

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """Every link and counter. Raises OSError until the subnet was discovered once."""
        self._tools.allow(self._settings.deadline_seconds * _SHARE)
        self._perfquery = found(self._settings.perfquery) or self._settings.perfquery
        events: list[Event] = []
        looked = self._discovery is None or now.mono >= self._discover_at
        if looked:
            events += self._discover(now)
        if self._discovery is None:
            raise OSError(f"the subnet cannot be discovered: {self._failure}")
        began = self._tools.busy_ns
        answers = self._reader.read(self._nodes(self._discovery))
        query_ns = self._tools.busy_ns - began
        if answers.worse and not looked:
            events += self._discover(now)
        yield from events
        yield from self._show_links()
        yield from _show_counts(answers.counts)
        yield from self._show_subnet(self._discovery, answers, query_ns)

    def close(self) -> None:
        """Give back what the tools hold."""
        self._tools.close()

    def _ask(self, lid: int, ports: Sequence[int], extended: bool) -> Command:
        timeout = self._settings.query_timeout_seconds
        return perfquery.command(self._perfquery, self._local, lid, ports, timeout, extended=extended)

    def _discover(self, now: Now) -> Iterator[Event]:
        """Look at the subnet, and tell what is worth an event beyond what follows from watched metrics."""
        self._discover_at = now.mono + int(self._settings.discovery_seconds * 1e9)
        failed_before = bool(self._failure)
        try:
            discovery = self._look()
            if self._links.missing(self._chosen(discovery)):
                # One lost datagram can hide a switch: a link is gone when a second look does not find it either.
                again = self._look()
                discovery = again._replace(
                    ports=discovery.ports | again.ports, switches=discovery.switches | again.switches
                )
        except _Failed as error:
            self._failure = str(error)
            if not failed_before and self._discovery is not None:
                yield _told(now, "discovery_failed", Severity.WARNING, f"discovery failed: {self._failure}")
            return
        self._failure = ""
        if failed_before and self._discovery is not None:
            yield _told(now, "discovery_recovered", Severity.INFO, "discovery works again")
        self._discovery = discovery
        self._switches = self._part(discovery.switches)
        for moved in islice(self._links.update(self._chosen(discovery), now.mono), MAX_RECABLED):
            yield _recabled(now, moved)

    def _look(self) -> Discovery:
        tool = found(self._settings.ibnetdiscover) or self._settings.ibnetdiscover
        timeout = self._settings.discovery_timeout_seconds
        (outcome,) = self._tools.run([discover.command(tool, self._local, timeout)])
        self._discovery_ns = outcome.elapsed_ns
        if outcome.failure:
            raise _Failed(f"{self._settings.ibnetdiscover} {outcome.failure}")
        try:
            discovery = discover.parse(outcome.output)
        except DiscoverError as error:
            raise _Failed(f"{self._settings.ibnetdiscover} gave {error}") from error
        if not discovery.ports:
            raise _Failed("no link of the local port leads anywhere: is its cable in, and its port active?")
        return discovery

    def _part(self, guids: Iterable[str]) -> list[str]:
        return of_part(guids, self._settings.part, self._settings.parts)

    def _chosen(self, discovery: Discovery) -> dict[End, Port]:
        """The ports to report."""
        shown = set(self._part(discovery.switches)[: self._settings.max_switches])
        if self._settings.hosts:
            shown |= set(self._part({port.end.guid for port in discovery.ports.values() if port.kind != SWITCH}))
        return {end: port for end, port in discovery.ports.items() if end.guid in shown}

    def _nodes(self, discovery: Discovery) -> list[Node]:
        """Whom to ask for counters: a port whose cable is gone still counts, as long as its switch is there."""
        ports: dict[str, list[int]] = {}
        lids: dict[str, int] = {}
        for link in self._links:
            guid, number = link.port.end
            if link.up or guid in discovery.switches:
                ports.setdefault(guid, []).append(number)
                lids[guid] = discovery.switches[guid][1] if guid in discovery.switches else link.port.lid
        return [Node(guid, lids[guid], tuple(numbers)) for guid, numbers in ports.items()]

    def _show_links(self) -> Iterator[Reading]:
        quality = Quality.STALE if self._failure else Quality.OK
        for link in self._links:
            yield from _show_link(link, quality)

    def _show_subnet(self, discovery: Discovery, answers: Round, query_ns: int) -> Iterator[Reading]:
        quality = Quality.STALE if self._failure else Quality.OK
        shown = self._switches[: self._settings.max_switches]
        for guid in shown:
            node, lid = discovery.switches[guid]
            yield Reading(metrics.SWITCH_INFO, (guid, node, str(lid)), 1.0, quality)
        cables = {frozenset((port.end, port.remote)) for port in discovery.ports.values()}
        for spec, found_number in (
            (metrics.SWITCHES, len(discovery.switches)),
            (metrics.LINKS_UP, len(cables)),
            (metrics.SWITCHES_LEFT_OUT, len(self._switches) - len(shown)),
            (metrics.PORTS_LEFT_OUT, self._links.left_out),
            (metrics.DISCOVERY_LINES, discovery.unread),
        ):
            yield Reading(spec, (), float(found_number), quality)
        for spec, value in (
            (metrics.UNREAD, len(answers.failures)),
            (metrics.WAITING, len(answers.waiting)),
            (metrics.DISCOVERED, int(not self._failure)),
            (metrics.DISCOVERY_SECONDS, self._discovery_ns / 1e9),
            (metrics.QUERY_SECONDS, query_ns / 1e9),
            (metrics.STARTS, self._tools.starts),
            (metrics.CPU, self._tools.cpu_us),
        ):
            yield Reading(spec, (), value)


def _show_link(link: Link, quality: Quality) -> Iterator[Reading]:
    """What a cable is. One that is gone keeps its last rate as stale: so one that comes back slower is a change."""
    port = link.port
    labels = (port.end.guid, str(port.end.port))
    remote = (port.remote.guid, str(port.remote.port), port.remote_node, port.remote_kind)
    yield Reading(metrics.UP, labels, float(link.up), quality)
    yield Reading(metrics.LINK_INFO, (*labels, port.node, port.kind, *remote), 1.0, quality)
    for spec, value in ((metrics.RATE, port.bytes_per_second), (metrics.LANES, port.lanes)):
        if value is not None:
            yield Reading(spec, labels, float(value), quality if link.up else Quality.STALE)


def _show_counts(counts: Mapping[End, Mapping[str, Count | None]]) -> Iterator[Reading]:
    for end, row in counts.items():
        labels = (end.guid, str(end.port))
        for name, count in row.items():
            spec = metrics.COUNTERS[name]
            if count is None:
                yield Reading(spec, labels, None, Quality.UNREADABLE)
            else:
                yield Reading(spec, labels, count.value, Quality.SATURATED if count.full else Quality.OK)


def _recabled(now: Now, moved: Recabled) -> Event:
    before, after = moved
    subject = {"guid": after.end.guid, "port": str(after.end.port)}
    leads = {"before": _place(before), "after": _place(after)}
    where = f"port {after.end.port} of {after.node or after.end.guid}"
    text = f"the cable in {where} led to {leads['before']} and leads to {leads['after']}"
    return _event(now, "recabled", Severity.INFO, text, subject, leads)


def _place(port: Port) -> str:
    return f"port {port.remote.port} of {port.remote_node or port.remote.guid}"


def _told(now: Now, what: str, severity: Severity, text: str) -> Event:
    return _event(now, what, severity, text, {}, {})


def _event(
    now: Now, what: str, severity: Severity, text: str, subject: dict[str, str], attributes: dict[str, str]
) -> Event:
    return Event(now.wall, now.mono, f"ib_fabric.{what}", severity, f"ib_fabric: {text}", subject, attributes)
