from __future__ import annotations

from typing import Any

from fabricscope.flow import Flow
from probes.flows.table import COLUMNS, rows
from tests.fixtures.flows import flow, key, rdma


def shown(one: Flow) -> dict[str, Any]:
    (row,) = rows([one])
    return dict(zip((column.name for column in COLUMNS), row, strict=True))


def test_a_flow_is_a_row() -> None:
    row = shown(flow(key=key(source_queue_pair=17), rdma=rdma()))
    assert (row["source"], row["destination"], row["destination_port"]) == ("10.0.0.1", "10.0.0.2", 443)
    assert (row["end_reason"], row["tunnel"], row["source_queue_pair"]) == ("idle", "vxlan", 17)
    assert (row["forward_packets"], row["reverse_octets"]) == (10, 2000)
    assert (row["label"], row["behaviour"], row["fields"]) == ("tls", "elephant", '{"sni": "a.example"}')
    assert (row["forward_rdma_lost"], row["reverse_rdma_naks"]) == (rdma().forward.lost, 5)
    assert row["forward_tcp_retransmissions"] == 1


def test_what_there_is_not_is_empty() -> None:
    row = shown(flow(tcp=None))
    assert row["forward_rdma_lost"] is None
    assert row["reverse_tcp_resets"] is None
    assert row["handshake_ns"] is None
    optional = {column.name for column in COLUMNS if column.optional}
    assert {name for name, value in row.items() if value is None} <= optional


def test_columns_have_names_of_their_own() -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
