"""One mirror port as readings, events and flows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fabricscope.books import Books
from fabricscope.flow import Flow, FlowRecord
from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.flows import metrics
from probes.flows.judging import Judging
from probes.flows.language.rule_files import Rules
from probes.flows.mirrors import together
from probes.flows.totals import Totals

TURN_NS = 60_000_000_000
"""How often things that have become large take the place of smaller ones."""


class Captured(NamedTuple):
    """What the capture says of itself."""

    received: int
    """With those that were dropped, without those that were filtered."""
    dropped: int
    filtered: int


class Observer:
    """Remembers the totals of one mirror port. Pure."""

    def __init__(self, name: str, rules: Rules, limits: tuple[int, int, int]) -> None:
        """`limits`: classes, pairs of hosts, and connections of queue pairs that have series of their own."""
        self._name = name
        self._judging = Judging(rules, name)
        self._totals = Totals(name, *limits)
        self._turned: int | None = None
        self.kept: list[FlowRecord] = []
        """Flows of the last records whose packets are to be kept."""

    def change_rules(self, rules: Rules) -> None:
        """Ask these behaviours and policies from now on."""
        self._judging.change_rules(rules)

    def observe(self, records: Sequence[FlowRecord], now: Now) -> Iterator[Reading | Event | Flow]:
        """What records come to, and the series of all there were so far."""
        judged = self._judging.judge(records, now)
        self.kept = judged.kept
        for flow in judged.flows:
            self._totals.add(flow)
        if self._turned is None or now.mono - self._turned >= TURN_NS:
            self._turned = now.mono
            self._totals.turn()
        yield from self._totals.readings()
        yield from judged.events
        yield from judged.exported

    def is_up(self, *, up: bool) -> Reading:
        """Whether packets are captured."""
        return Reading(metrics.UP, (self._name,), int(up))

    def books(self, books: Sequence[Books], captured: Captured, left_out: int = 0) -> Iterator[Reading]:
        """Where every packet went: the books of the port's meters, and records `left_out` behind them."""

        def reading(spec: MetricSpec, value: int | float, *labels: str) -> Reading:
            return Reading(spec, (self._name, *labels), value)

        yield reading(metrics.WIRE_PACKETS, captured.received + captured.filtered)
        yield reading(metrics.RING_DROPS, captured.dropped)
        yield reading(metrics.FILTERED, captured.filtered)
        yield reading(metrics.WIRE_OCTETS, sum(each.packets.octets for each in books))
        yield reading(metrics.COUNTED, sum(each.counted.packets for each in books))
        yield reading(metrics.NOT_SAMPLED, sum(each.not_sampled.packets for each in books))
        yield reading(metrics.ACTIVE, sum(each.flows.now + each.flows.rdma_now for each in books))
        # IPFIX's fifth end reason: lack of resources.
        yield reading(metrics.EVICTED, sum(each.flows.told[4] + each.flows.rdma_evicted for each in books))
        yield reading(metrics.RECORDS, sum(sum(each.flows.told) for each in books))
        yield reading(metrics.RECORDS_DROPPED, left_out + sum(each.records_dropped for each in books))
        for reason in sorted({reason for each in books for reason in each.undecodable}):
            count = sum(each.undecodable[reason].packets for each in books if reason in each.undecodable)
            yield reading(metrics.UNDECODABLE, count, reason)
        mirrors = together(books)
        seen = sum(mirror.seen for mirror in mirrors)
        missing = sum(mirror.missing for mirror in mirrors)
        if seen:
            # Without sequence numbers nothing is known of what the mirror lost, and nothing is said.
            yield reading(metrics.VISIBILITY, seen / (seen + missing))
            yield reading(metrics.MIRROR_MISSING, missing)
        pauses = [pause for each in books for pause in each.pauses.values()]
        for priority in range(9):
            if frames := sum(pause.frames[priority] for pause in pauses):
                yield reading(metrics.PAUSES, frames, "all" if priority == 8 else str(priority))
