"""A small imaginary fabric behind a real API: hosts with the metrics of the real samplers, and events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.applications import Starlette

from collector.api import Sources, make_app
from collector.state import State, StateSettings
from collector.store import (
    EventFilter,
    EventPage,
    FlowFilter,
    FlowGroup,
    FlowPage,
    GroupBy,
    Origin,
    RowKey,
    StoredEvent,
    StoredFlow,
)
from collector.store.paging import key
from fabricscope.assemble import Assembler
from fabricscope.model import Event, HostIdentity, Now, Quality, Reading, Severity
from probes.samplers.ethernet import EthernetSampler
from probes.samplers.infiniband import metrics as infiniband
from probes.samplers.pcie import PcieSampler

SECOND = 1_000_000_000
START = Now(1_795_388_000 * SECOND, 1_000 * SECOND)

ETHERNET = {spec.name.removeprefix("fabricscope_ethernet_"): spec for spec in EthernetSampler.metrics}
PCIE = {spec.name.removeprefix("fabricscope_pcie_"): spec for spec in PcieSampler.metrics}
COUNTERS = {row.spec.name.removeprefix("fabricscope_infiniband_"): row.spec for row in infiniband.COUNTERS}


def after(seconds: float) -> Now:
    """That many seconds into the story."""
    return Now(START.wall + int(seconds * SECOND), START.mono + int(seconds * SECOND))


def infiniband_readings(second: int, ports: int = 2, *, broken: bool = False) -> Iterator[Reading]:
    """HCAs of 400 Gb/s at some 80 % load; the last one is down when `broken`."""
    for number in range(ports):
        port = (f"mlx5_{number}", "1")
        down = broken and number == ports - 1
        moved = 0 if down else second * (40 + 2 * (number % 5)) * 10**9
        quality = Quality.STALE if down else Quality.OK
        yield Reading(infiniband.PORT_INFO, (*port, "InfiniBand", "", "0x12", "fe80::1"), 1)
        yield Reading(infiniband.UP, port, 0 if down else 1)
        yield Reading(infiniband.RATE, port, 50e9, quality)
        yield Reading(infiniband.LANES, port, 4, quality)
        yield Reading(COUNTERS["port_receive_bytes_total"], port, moved)
        yield Reading(COUNTERS["port_transmit_bytes_total"], port, moved * 9 // 10)
        yield Reading(COUNTERS["port_symbol_errors_total"], port, 65535 if number == 1 else 0,
                      Quality.SATURATED if number == 1 else Quality.OK)  # fmt: skip
        yield Reading(COUNTERS["port_receive_errors_total"], port, 3 + second // 2 if number == 0 else 0)
        yield Reading(COUNTERS["port_vl15_dropped_packets_total"], port, None, Quality.UNREADABLE)


def ethernet_readings(second: int) -> Iterator[Reading]:
    """A management port with some traffic, one that is switched off, and one without a cable."""
    ports = (("eno1", 1, 1, 125e6, 3_100_000), ("eno2", 0, 0, None, 0), ("ens9f0", 0, 1, None, 0))
    for device, up, admin, rate, load in ports:
        yield Reading(ETHERNET["up"], (device,), up)
        yield Reading(ETHERNET["admin_up"], (device,), admin)
        yield Reading(ETHERNET["mtu_bytes"], (device,), 9000)
        if rate:
            yield Reading(ETHERNET["speed_bytes_per_second"], (device,), rate)
        yield Reading(ETHERNET["receive_bytes_total"], (device,), load * second + (1 << 62))
        yield Reading(ETHERNET["transmit_bytes_total"], (device,), load * second // 3)
        yield Reading(ETHERNET["receive_dropped_total"], (device,), 17)


def pcie_readings(*, broken: bool) -> Iterator[Reading]:
    """Three Gen5 x16 devices, the first of which trained at x8 when `broken`."""
    for number in range(3):
        address = (f"0000:{number + 1:x}a:00.0",)
        narrow = broken and number == 0
        yield Reading(PCIE["link_up"], address, 1)
        yield Reading(PCIE["link_speed_transfers_per_second"], address, 32e9)
        yield Reading(PCIE["link_speed_max_transfers_per_second"], address, 32e9)
        yield Reading(PCIE["link_width_lanes"], address, 8 if narrow else 16)
        yield Reading(PCIE["link_width_max_lanes"], address, 16)
        yield Reading(PCIE["link_degraded"], (*address, "0000:00:01.0", "width"), int(narrow))
        yield Reading(PCIE["aer_correctable_errors_total"], (*address, "BadTLP"), 12 if narrow else 0)


class Fabric:
    """Hosts that report, time that passes when told, and the application that shows them."""

    def __init__(self, events: Sequence[StoredEvent] = ()) -> None:
        self.now = START
        self.state = State(StateSettings())
        self.rows = FakeRows(events)
        self._assemblers: dict[tuple[str, str], Assembler] = {}
        self._sequence = 0
        self.app: Starlette = make_app(Sources(self.state, self.rows, lambda: self.now, "127.0.0.1:7450"))

    def connect(self, host: str, **labels: str) -> None:
        """The host's probe says hello."""
        self.state.connect(HostIdentity(host, "6f0e-boot", "epoch-a", labels, "0.1.0"), self.now)

    def report(self, host: str, sampler: str, readings: Iterator[Reading], interval: float = 1.0) -> None:
        """The host's probe sends a batch, now."""
        assembler = self._assemblers.setdefault((host, sampler), Assembler(sampler, int(interval * SECOND)))
        sampled = assembler.assemble(readings, self.now)
        self.state.admit(host, sampled.series_set)
        self._sequence += 1
        self.state.apply(host, sampled, self._sequence, self.now.wall, self.now)

    def report_all(self, host: str, second: int, ports: int = 2, *, broken: bool = False) -> None:
        """A batch of each sampler."""
        self.report(host, "infiniband", infiniband_readings(second, ports, broken=broken))
        self.report(host, "ethernet", ethernet_readings(second))
        self.report(host, "pcie", pcie_readings(broken=broken))


class FakeRows:
    """Events and flows in memory, for tests of what stands in front of the store."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.stored = sorted(events, key=_key, reverse=True)
        self.flow_rows: list[StoredFlow] = []
        self.groups: list[FlowGroup] = []
        self.asked: list[EventFilter] = []
        self.asked_flows: list[FlowFilter] = []
        self.failure: Exception | None = None

    async def events(self, wanted: EventFilter, after: RowKey | None, limit: int) -> EventPage:
        """Keeps what was asked, and filters by host and severity alone."""
        await self.ping()
        self.asked.append(wanted)
        found = [
            row
            for row in self.stored
            if (after is None or _key(row) < after)
            and wanted.host in (None, row.origin.host)
            and row.event.severity >= (wanted.min_severity or Severity.INFO)
        ]
        return EventPage(found[:limit], _key(found[limit - 1]) if len(found) > limit else None)

    async def flows(self, wanted: FlowFilter, after: RowKey | None, limit: int) -> FlowPage:
        """All of them, after a place by their number."""
        await self.ping()
        self.asked_flows.append(wanted)
        rows = [row for row in self.flow_rows if after is None or row.origin.sequence < after.sequence]
        last = rows[limit - 1] if len(rows) > limit else None
        return FlowPage(rows[:limit], None if last is None else key(last.flow.record.end_ns, last.origin))

    async def top_flows(self, wanted: FlowFilter, by: GroupBy, limit: int) -> list[FlowGroup]:
        """The groups as they were given."""
        await self.ping()
        self.asked_flows.append(wanted)
        return [group._replace(name=f"{by} {group.name}") for group in self.groups[:limit]]

    async def ping(self) -> None:
        """Fails as told."""
        if self.failure is not None:
            raise self.failure


def _key(row: StoredEvent) -> RowKey:
    return RowKey(row.event.time_unix_ns, row.origin.host, row.origin.epoch, row.origin.sequence, row.origin.position)


def stored(sequence: int, host: str = "node1", kind: str = "ethernet.down", severity: Severity = Severity.WARNING,
           message: str = "eth0 is down", **subject: str) -> StoredEvent:  # fmt: skip
    """An event a second after the one before."""
    now = after(sequence)
    event = Event(now.wall, now.mono, kind, severity, message, subject or {"device": "eth0"}, {"driver": "mlx5_core"})
    return StoredEvent(Origin("prod", host, "epoch-a", sequence, 0, now.wall + 5_000_000), event)


def fabric_of_two(events: Sequence[StoredEvent] = ()) -> Fabric:
    """node1 is live and whole, node2 was heard a minute ago."""
    fabric = Fabric(events)
    fabric.connect("node2", cluster="prod", rack="r2")
    fabric.report_all("node2", 1)
    fabric.now = after(60)
    fabric.connect("node1", cluster="prod", rack="r1")
    fabric.report_all("node1", 60)
    return fabric
