from __future__ import annotations

import itertools

from msgspec import structs

from fabricscope.flow import FlowRecord, JoinedBy, Rdma, RdmaLink, RdmaWay
from probes.flows.language import alike, features
from tests.probes.flows.language.made import features as shape
from tests.probes.flows.language.made import record

WRITE, SEND, READ = 0x0A, 0x04, 0x10


def flow(
    source: int,
    destination: int,
    forward: int,
    reverse: int = 0,
    *,
    opcode: int = WRITE,
    messages: int = 10,
    period: int = 0,
    at: float = 0,
) -> FlowRecord:
    def way(octets: int) -> RdmaWay:
        count = messages if octets else 0
        return RdmaWay([(opcode, count)], count, octets, 0, 0, [], 0, 0, 0, 0, octets, [], 0, 0, 0, 0)

    rdma = Rdma(RdmaLink.ROCEV2, 0, JoinedBy.SEQUENCE_NUMBERS, way(forward), way(reverse))
    features = shape(period_ns=period)
    return record(f"10.0.0.{source}", f"10.0.0.{destination}", rdma=rdma, shape=features, start=at, end=at + 1)


def only(records: list[FlowRecord]) -> dict[str, float]:
    """The shape that all of them have in common."""
    found = alike.of(records)
    assert len(found) == len(records)
    first, *others = found.values()
    assert all(other == first for other in others)
    assert first.keys() <= features.NAMES
    return first


def test_a_ring() -> None:
    found = only([flow(n, (n + 1) % 5, 1000) for n in range(5)])
    assert (found["alike_hosts"], found["alike_links"], found["alike_loops"], found["alike_degree"]) == (5, 5, 1, 2)
    assert (found["alike_balance"], found["alike_relays"], found["alike_density"]) == (0, 1, 0.5)


def test_a_tree_over_connections_of_one_way_each() -> None:
    edges = [(child, (child - 1) // 2) for child in range(1, 7)]
    found = only([flow(*edge, 1000) for edge in (*edges, *((up, down) for down, up in edges))])
    assert (found["alike_flows"], found["alike_links"], found["alike_loops"], found["alike_degree"]) == (12, 6, 0, 3)
    assert found["alike_balance"] == 1


def test_everyone_with_everyone_though_not_with_quite_as_much() -> None:
    pairs = itertools.combinations(range(4), 2)
    found = only([flow(a, b, 1000 + 20 * a, 1000 + 30 * b) for a, b in pairs])
    assert (found["alike_density"], found["alike_star"]) == (1, 1)
    assert "alike_to_hub" not in found


def test_a_star_is_to_its_hub_or_from_it() -> None:
    assert only([flow(n, 9, 1000, 10) for n in range(3)])["alike_to_hub"] > 0.98
    found = only([flow(n, 9, 0, 1000, opcode=READ) for n in range(3)])
    assert (found["alike_to_hub"], found["alike_relays"], found["alike_star"]) == (0, 0, 1)


def test_what_is_not_alike_is_apart() -> None:
    first = flow(1, 2, 1000, period=100)
    others = {
        "more": flow(2, 3, 2000),
        "larger messages": flow(2, 3, 1000, messages=5),
        "another operation": flow(2, 3, 1000, opcode=SEND),
        "both ways": flow(2, 3, 500, 500),
        "another pace": flow(2, 3, 1000, period=120),
        "another time": flow(2, 3, 1000, at=2),
        "other hosts": flow(3, 4, 1000),
    }
    apart = {name for name, other in others.items() if alike.of([first, other])[0]["alike_flows"] == 1}
    assert apart == set(others)
    assert only([first, flow(2, 3, 1400, messages=14, period=105)])["alike_flows"] == 2


def test_what_has_no_data_of_rdma_says_nothing() -> None:
    plain = record()
    nothing = flow(1, 2, 0)
    itself = structs.replace(flow(1, 1, 1000))
    assert alike.of([plain, nothing, itself]) == {}
