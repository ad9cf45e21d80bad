"""Flows of RDMA that carry alike and hang together by their hosts, as those of one collective do. Pure.

Two flows are alike when one host is an end of both, both went on at one time, do the same (send, write or read; one
way or both), carry about as much in messages of about one size, and repeat at the same pace where a period is known
of both. What is alike to what is alike belongs to it too. What such flows look like as a graph of hosts tells a ring
from a tree, and both from everyone with everyone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fabricscope.flow import FlowRecord
from probes.flows.language.features import operations

ABOUT = 1.5
"""How many times as much still is about as much: a record may have some steps more than another."""
SAME_PERIOD = 0.1
MAX_LOOKED = 32
"""Flows of a host that are compared with one of them: the nearest above it by what they carry."""
NOTHING = 0.05
"""A share of a link's larger way below which the smaller one is no data but what goes with it."""


class _Flow(NamedTuple):
    place: int
    """Among the records."""
    kind: tuple[int, bool]
    """Which operation, and whether both ways carry data."""
    message: float
    """Mean octets of a message."""
    forward: int
    reverse: int
    start_ns: int
    end_ns: int
    period_ns: int
    source: bytes
    destination: bytes

    @property
    def carried(self) -> int:
        return self.forward + self.reverse


def of(records: Sequence[FlowRecord]) -> dict[int, dict[str, float]]:
    """For each record of RDMA with data, by its place: what it and those alike look like."""
    flows = [flow for index, record in enumerate(records) if (flow := _flow(index, record)) is not None]
    found: dict[int, dict[str, float]] = {}
    for group in _groups(flows):
        shape = _shape(group)
        found |= {flow.place: shape for flow in group}
    return found


def _flow(index: int, record: FlowRecord) -> _Flow | None:
    rdma = record.rdma
    if rdma is None:
        return None
    forward, reverse = rdma.forward.fresh_octets, rdma.reverse.fresh_octets
    counts = operations(rdma)
    if not forward + reverse or not any(counts) or record.key.source == record.key.destination:
        return None
    return _Flow(
        index,
        (counts.index(max(counts)), min(forward, reverse) > max(forward, reverse) * NOTHING),
        (forward + reverse) / max(rdma.forward.messages + rdma.reverse.messages, 1),
        forward,
        reverse,
        record.start_ns,
        record.end_ns,
        record.features.period_ns,
        record.key.source,
        record.key.destination,
    )


def _groups(flows: Sequence[_Flow]) -> Iterable[list[_Flow]]:
    above = list(range(len(flows)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = place = above[above[place]]
        return place

    of_host: dict[tuple[bytes, tuple[int, bool]], list[int]] = defaultdict(list)
    for place, flow in enumerate(flows):
        of_host[flow.source, flow.kind].append(place)
        of_host[flow.destination, flow.kind].append(place)
    for places in of_host.values():
        places.sort(key=lambda place: flows[place].carried)
        for nth, place in enumerate(places):
            for other in places[nth + 1 : nth + 1 + MAX_LOOKED]:
                if flows[other].carried > flows[place].carried * ABOUT:
                    break
                if _alike(flows[place], flows[other]):
                    above[top(other)] = top(place)
    groups: dict[int, list[_Flow]] = defaultdict(list)
    for place, flow in enumerate(flows):
        groups[top(place)].append(flow)
    return groups.values()


def _alike(one: _Flow, other: _Flow) -> bool:
    if one.start_ns > other.end_ns or other.start_ns > one.end_ns:
        return False
    messages = (one.message, other.message)
    if max(messages) > min(messages) * ABOUT:
        return False
    periods = (one.period_ns, other.period_ns)
    return not all(periods) or max(periods) <= min(periods) * (1 + SAME_PERIOD)


def _shape(group: Sequence[_Flow]) -> dict[str, float]:
    sent: dict[tuple[bytes, bytes], int] = defaultdict(int)
    for flow in group:
        sent[flow.source, flow.destination] += flow.forward
        sent[flow.destination, flow.source] += flow.reverse
    linked: dict[bytes, set[bytes]] = defaultdict(set)
    for source, destination in sent:
        linked[source].add(destination)
    hosts = len(linked)
    links = len(sent) // 2
    degree = max(map(len, linked.values()))
    balances, senders, receivers = [], set(), set()
    for (source, destination), octets in sent.items():
        back = sent[destination, source]
        if octets > max(octets, back) * NOTHING:
            senders.add(source)
            receivers.add(destination)
        if source < destination:
            balances.append(min(octets, back) / max(octets, back))
    shape = {
        "alike_flows": len(group),
        "alike_hosts": hosts,
        "alike_links": links,
        "alike_degree": degree,
        "alike_loops": links - hosts + 1,
        "alike_density": links / (hosts * (hosts - 1) / 2),
        "alike_star": degree / (hosts - 1),
        "alike_balance": sum(balances) / links,
        "alike_relays": len(senders & receivers) / hosts,
    }
    hubs = [host for host, others in linked.items() if len(others) == degree]
    if len(hubs) == 1:
        to_hub = sum(octets for (_, destination), octets in sent.items() if destination == hubs[0])
        of_hub = to_hub + sum(octets for (source, _), octets in sent.items() if source == hubs[0])
        shape["alike_to_hub"] = to_hub / of_hub
    return {name: float(value) for name, value in shape.items()}
