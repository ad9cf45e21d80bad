"""Behaviours and policies over flow records: what a record becomes before it travels. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from fabricscope.clock import NANOSECONDS
from fabricscope.flow import Classification, Flow, FlowRecord, address_text
from fabricscope.model import Event, Now, Severity
from probes.flows.language import behaviour, features, neighbours, policy
from probes.flows.language.rule_files import Rules

RECENT = 4096
"""Records of before that are looked at beside new ones: a scan is many flows, one after the other."""
QUIET_NS = 600 * NANOSECONDS
"""A policy tells of one pair of hosts so often at most."""
MAX_TOLD = 10_000
"""Pairs and policies that are remembered for it."""

PRIORITIES = {"low": 1, "normal": 2, "high": 3}
_SEVERITIES = {"info": Severity.INFO, "warning": Severity.WARNING, "critical": Severity.CRITICAL}


class Judged(NamedTuple):
    """What some records became."""

    flows: list[Flow]
    """All of them, for what is counted."""
    exported: list[Flow]
    """Those that travel on."""
    events: list[Event]
    kept: list[FlowRecord]
    """Those whose packets are to be kept."""


class Judging:
    """Asks the rules in force of each record. Remembers records of before, and what was told."""

    def __init__(self, rules: Rules, observer: str) -> None:
        self._rules = rules
        self._observer = observer
        self._recent: deque[FlowRecord] = deque(maxlen=RECENT)
        self._seen: dict[str, int] = {}
        """Records that each sampling policy was asked of."""
        self._told: OrderedDict[tuple[str, bytes, bytes], int] = OrderedDict()

    def change_rules(self, rules: Rules) -> None:
        """Ask these from now on."""
        self._rules = rules

    def judge(self, records: Sequence[FlowRecord], now: Now) -> Judged:
        """What the records become, in their order."""
        judged = Judged([], [], [], [])
        if not records:
            return judged
        before = neighbours.relevant(self._recent, records)
        together = neighbours.of([*before, *records])[len(before) :] if self._rules.behaviours else [{}] * len(records)
        self._recent.extend(records)
        for record, shared in zip(records, together, strict=True):
            self._judge(record, features.of(record) | shared, now, judged)
        return judged

    def _judge(self, record: FlowRecord, found: dict[str, float], now: Now, judged: Judged) -> None:
        said = behaviour.judge(self._rules.behaviours, record.classification.label, found)
        asked = policy.Asked(
            label=record.classification.label,
            rule=record.classification.rule,
            confidence=record.classification.confidence,
            behaviour=said.label,
            source=record.key.source,
            destination=record.key.destination,
            ports=(record.key.source_port, record.key.destination_port),
            vlan=record.key.vlan,
            features=found,
        )
        outcome = policy.apply(self._rules.policies, asked)
        packets = record.forward.packets + record.reverse.packets
        flow = Flow(
            record=record,
            behaviour=Classification(
                said.label, said.rule, said.confidence, said.evidence, packets, said.alternatives, []
            ),
            observer=self._observer,
            labels={"policy": outcome.label} if outcome.label else {},
            priority=PRIORITIES[outcome.priority] if outcome.policies else 0,
        )
        judged.flows.append(flow)
        if outcome.keep:
            judged.kept.append(record)
        if outcome.event is not None and (event := self._event(flow, outcome, now)) is not None:
            judged.events.append(event)
        if outcome.export and self._is_kept(outcome):
            sampled = structs.replace(record, sampling=record.sampling * outcome.sampling)
            judged.exported.append(structs.replace(flow, record=sampled) if outcome.sampling > 1 else flow)

    def _is_kept(self, outcome: policy.Outcome) -> bool:
        """Whether this record is the one of N that stands for the others."""
        if outcome.sampling == 1:
            return True
        name = " ".join(outcome.policies)
        count = self._seen.get(name, 0)
        self._seen[name] = count + 1
        return count % outcome.sampling == 0

    def _event(self, flow: Flow, outcome: policy.Outcome, now: Now) -> Event | None:
        """The event of a policy; None when it told of this pair a while ago."""
        key = flow.record.key
        low, high = sorted((key.source, key.destination))
        name = " ".join(outcome.policies)
        pair = (name, low, high)
        last = self._told.get(pair)
        if last is not None and now.mono - last < QUIET_NS:
            return None
        self._told[pair] = now.mono
        self._told.move_to_end(pair)
        while len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        source, destination = address_text(key.source), address_text(key.destination)
        what = flow.record.classification.label or flow.behaviour.label or "a flow"
        return Event(
            time_unix_ns=now.wall,
            monotonic_ns=now.mono,
            kind="flow.policy",
            severity=_SEVERITIES[outcome.event or "info"],
            message=f"policy {name}: {what} from {source} to {destination} port {key.destination_port}",
            subject={"source": source, "destination": destination, "observer": self._observer},
            attributes={
                "policy": name,
                "label": flow.record.classification.label,
                "behaviour": flow.behaviour.label,
                "source_port": str(key.source_port),
                "destination_port": str(key.destination_port),
                "protocol": str(key.protocol),
            },
        )
