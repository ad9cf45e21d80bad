"""Flow records as rows of a table, for notebooks and databases. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fabricscope.flow import Flow, RdmaWay, TcpWay, Way, address_text
from probes.tabular import Column, Row, Value


class _Cell(NamedTuple):
    """A column, and what of a flow stands in it."""

    column: Column
    value: Callable[[Flow], Value]


def _number(name: str, value: Callable[[Flow], Value], kind: str = "Int64", *, optional: bool = False) -> _Cell:
    return _Cell(Column(name, kind, optional), value)


def _text(name: str, value: Callable[[Flow], Value]) -> _Cell:
    return _Cell(Column(name), value)


def _ways(name: str, value: Callable[[Way], int]) -> list[_Cell]:
    return [
        _number(f"forward_{name}", lambda flow: value(flow.record.forward), "UInt64"),
        _number(f"reverse_{name}", lambda flow: value(flow.record.reverse), "UInt64"),
    ]


def _tcp(name: str, value: Callable[[TcpWay], int]) -> list[_Cell]:
    def forward(flow: Flow) -> Value:
        return None if flow.record.tcp is None else value(flow.record.tcp.forward)

    def reverse(flow: Flow) -> Value:
        return None if flow.record.tcp is None else value(flow.record.tcp.reverse)

    return [
        _number(f"forward_tcp_{name}", forward, "UInt64", optional=True),
        _number(f"reverse_tcp_{name}", reverse, "UInt64", optional=True),
    ]


def _rdma(name: str, value: Callable[[RdmaWay], int]) -> list[_Cell]:
    def forward(flow: Flow) -> Value:
        return None if flow.record.rdma is None else value(flow.record.rdma.forward)

    def reverse(flow: Flow) -> Value:
        return None if flow.record.rdma is None else value(flow.record.rdma.reverse)

    return [
        _number(f"forward_rdma_{name}", forward, "UInt64", optional=True),
        _number(f"reverse_rdma_{name}", reverse, "UInt64", optional=True),
    ]


_CELLS = (
    _text("observer", lambda flow: flow.observer),
    _number("start_unix_ns", lambda flow: flow.record.start_ns),
    _number("end_unix_ns", lambda flow: flow.record.end_ns),
    _text("end_reason", lambda flow: flow.record.end_reason.name.lower().replace("_", "-")),
    _text("source", lambda flow: address_text(flow.record.key.source)),
    _text("destination", lambda flow: address_text(flow.record.key.destination)),
    _number("protocol", lambda flow: flow.record.key.protocol),
    _number("ether_type", lambda flow: flow.record.key.ether_type),
    _number("source_port", lambda flow: flow.record.key.source_port),
    _number("destination_port", lambda flow: flow.record.key.destination_port),
    _number("source_queue_pair", lambda flow: flow.record.key.source_queue_pair),
    _number("destination_queue_pair", lambda flow: flow.record.key.destination_queue_pair),
    _number("vlan", lambda flow: flow.record.key.vlan),
    _text("tunnel", lambda flow: flow.record.key.tunnel.name.lower()),
    _number("tunnel_id", lambda flow: flow.record.key.tunnel_id),
    _number("sampling", lambda flow: flow.record.sampling),
    _number("visibility", lambda flow: flow.record.visibility, "Float64"),
    *_ways("packets", lambda way: way.packets),
    *_ways("octets", lambda way: way.octets),
    *_ways("payload_octets", lambda way: way.payload_octets),
    *_ways("ecn_marked", lambda way: way.ecn_marked),
    *_ways("fragments", lambda way: way.fragments),
    *_ways("tcp_flags", lambda way: way.tcp_flags),
    _text("label", lambda flow: flow.record.classification.label),
    _text("rule", lambda flow: flow.record.classification.rule),
    _number("confidence", lambda flow: flow.record.classification.confidence, "Float64"),
    _text("evidence", lambda flow: "; ".join(flow.record.classification.evidence)),
    _number("packets_looked_at", lambda flow: flow.record.classification.packets),
    _text("alternatives", lambda flow: json.dumps(dict(flow.record.classification.alternatives))),
    _text("fields", lambda flow: json.dumps(dict(flow.record.classification.fields))),
    _text("behaviour", lambda flow: flow.behaviour.label),
    _number("behaviour_confidence", lambda flow: flow.behaviour.confidence, "Float64"),
    _number("priority", lambda flow: flow.priority),
    _number(
        "handshake_ns",
        lambda flow: None if flow.record.tcp is None else flow.record.tcp.handshake_ns or None,
        optional=True,
    ),
    *_tcp("retransmissions", lambda way: way.retransmissions),
    *_tcp("out_of_order", lambda way: way.out_of_order),
    *_tcp("zero_windows", lambda way: way.zero_windows),
    *_tcp("resets", lambda way: way.resets),
    *_rdma("messages", lambda way: way.messages),
    *_rdma("message_octets", lambda way: way.message_octets),
    *_rdma("fresh_octets", lambda way: way.fresh_octets),
    *_rdma("repeated_octets", lambda way: way.repeated_octets),
    *_rdma("lost", lambda way: way.lost),
    *_rdma("unseen", lambda way: way.unseen),
    *_rdma("duplicates", lambda way: way.duplicates),
    *_rdma("naks", lambda way: sum(count for _, count in way.naks)),
    *_rdma("rnr_naks", lambda way: way.rnr_naks),
    *_rdma("cnps", lambda way: way.cnps),
    *_rdma("icrc_wrong", lambda way: way.icrc_wrong),
    _number("bursts", lambda flow: flow.record.features.bursts),
    _number("period_ns", lambda flow: flow.record.features.period_ns or None, optional=True),
)

COLUMNS = tuple(cell.column for cell in _CELLS)


def rows(flows: Iterable[Flow]) -> Iterator[Row]:
    """A row for each flow, with a value for each of COLUMNS."""
    for flow in flows:
        yield [cell.value(flow) for cell in _CELLS]
