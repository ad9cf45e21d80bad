from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from collector.store import FlowFilter, GroupBy, Store
from collector.store.flows import MAX_TOP
from fabricscope.flow import Flow
from tests.collector.store.rows import SECOND, START, flow_row
from tests.fixtures.flows import flow, key, rdma, way


def found(store: Store, **wanted: Any) -> list[int]:
    return [row.origin.sequence for row in store.flows(FlowFilter(**wanted), None, 100).flows]


def at(second: int, **changes: Any) -> Flow:
    """A flow whose last packet came at a second."""
    return flow(end_ns=START + second * SECOND, **changes)


def test_what_is_stored_comes_back_whole(store: Store) -> None:
    rows = [flow_row(1, flow(rdma=rdma())), flow_row(1, flow(label="", tcp=None), position=1)]
    store.insert(rows)
    assert sorted(store.flows(FlowFilter(), None, 10).flows) == rows


def test_a_resend_changes_nothing(store: Store) -> None:
    store.insert([flow_row(1, flow())])
    store.insert([flow_row(1, flow()), flow_row(2, flow())])
    assert sorted(found(store)) == [1, 2]


def test_filters(store: Store) -> None:
    connection = key(
        source=b"\2\0\0\0\0\1", destination=b"\2\0\0\0\0\2", source_queue_pair=17, protocol=0, source_port=9
    )
    store.insert(
        [
            flow_row(1, at(1)),
            flow_row(2, at(2, label="", key=key(destination=b"\xfe" * 16, destination_port=80)), host="node2"),
            flow_row(3, structs.replace(at(3, behaviour="", key=connection), observer="mirror1"), cluster="test"),
            flow_row(4, at(4, forward=way(0, packets=1000))),
        ]
    )
    assert found(store) == [4, 3, 2, 1]
    assert found(store, label="tls") == [4, 3, 1]
    assert found(store, label="") == [2]
    assert found(store, behaviour="") == [3]
    assert found(store, observer="mirror1") == [3]
    assert found(store, cluster="test") == [3]
    assert found(store, host="node2") == [2]
    assert found(store, address="10.0.0.1") == [4, 2, 1]
    assert found(store, address="fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe") == [2]
    assert found(store, address="02:00:00:00:00:02") == [3]
    assert found(store, port=80) == [2]
    assert found(store, port=9) == [3]
    assert found(store, queue_pair=17) == [3]
    assert found(store, protocol=6) == [4, 2, 1]
    assert found(store, min_octets=50_000) == [4]
    assert found(store, since_unix_ns=START + 2 * SECOND, until_unix_ns=START + 4 * SECOND) == [3, 2]


def test_pages_hold_every_flow_once_newest_first(store: Store) -> None:
    store.insert([flow_row(number, at(number % 3)) for number in range(1, 12)])
    seen: list[int] = []
    page = store.flows(FlowFilter(), None, 4)
    while page.after is not None:
        seen += [row.origin.sequence for row in page.flows]
        page = store.flows(FlowFilter(), page.after, 4)
    seen += [row.origin.sequence for row in page.flows]
    assert seen == sorted(range(1, 12), key=lambda number: (-(number % 3), -number))


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("label", ["tls", ""]),
        ("behaviour", ["elephant"]),
        ("host", ["node1"]),
        ("pair", ["10.0.0.1 10.0.0.2"]),
        ("queue_pair", ["10.0.0.2 17 10.0.0.1 18"]),
    ],
)
def test_groups_come_by_their_octets(store: Store, by: GroupBy, names: list[str]) -> None:
    back = key(source=key().destination, destination=key().source, source_queue_pair=17, destination_queue_pair=18)
    store.insert(
        [
            flow_row(1, flow(forward=way(0, packets=50), rdma=rdma(), key=back)),
            flow_row(2, flow(label="")),
        ]
    )
    groups = store.top_flows(FlowFilter(), by, 10)
    assert [group.name for group in groups] == names
    assert sum(group.flows for group in groups) == (1 if by == "queue_pair" else 2)
    first = groups[0]
    if by == "label":
        assert (first.packets, first.octets, first.ecn_marked) == (70, 7000, 6)
        assert (first.retransmissions, first.rdma_naks) == (1 + 20, 10)
        assert first.rdma_lost == rdma().forward.lost + rdma().reverse.lost
        assert first.rdma_unseen == rdma().forward.unseen + rdma().reverse.unseen
        assert first.rdma_cnps == rdma().forward.cnps + rdma().reverse.cnps


@pytest.mark.parametrize("limit", [0, MAX_TOP + 1])
def test_groups_are_bounded(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to"):
        store.top_flows(FlowFilter(), "label", limit)
