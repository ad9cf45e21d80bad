"""The flows table: its rows, what can be asked of it, and the SQL of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from collector.store.paging import ORIGIN, Conditions, Origin, RowFilter, RowKey, check_limit
from collector.store.paging import conditions as common
from collector.store.paging import key as place
from fabricscope.flow import Flow, address_text

if TYPE_CHECKING:
    from collector.store.connection import Connection

TABLE = "flows"
MAX_TOP = 1000
"""Groups in one answer at most."""

_COLUMNS = ORIGIN | {
    "time": "DateTime64(9, 'UTC')",
    "start_time": "DateTime64(9, 'UTC')",
    "observer": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "destination": "LowCardinality(String)",
    "protocol": "UInt8",
    "ether_type": "UInt16",
    "source_port": "UInt16",
    "destination_port": "UInt16",
    "source_queue_pair": "UInt32",
    "destination_queue_pair": "UInt32",
    "vlan": "UInt16",
    "packets": "UInt64",
    "octets": "UInt64",
    "forward_octets": "UInt64",
    "reverse_octets": "UInt64",
    "label": "LowCardinality(String)",
    "behaviour": "LowCardinality(String)",
    "priority": "UInt32",
    "labels": "Map(LowCardinality(String), String)",
    "ecn_marked": "UInt64",
    "retransmissions": "UInt64",
    "rdma_lost": "UInt64",
    "rdma_unseen": "UInt64",
    "rdma_naks": "UInt64",
    "rdma_cnps": "UInt64",
    "visibility": "Float64",
    "detail": "String",
}

_SELECT = """
SELECT cluster, host, epoch, sequence, position, toUnixTimestamp64Nano(received_time), detail
FROM flows FINAL
WHERE {conditions}
ORDER BY time DESC, host DESC, epoch DESC, sequence DESC, position DESC
LIMIT {{limit:UInt32}}
"""

GroupBy = Literal["label", "behaviour", "pair", "host", "queue_pair"]
_GROUPS: dict[str, str] = {
    "label": "label",
    "behaviour": "behaviour",
    "host": "host",
    "pair": "concat(least(source, destination), ' ', greatest(source, destination))",
    "queue_pair": "concat(source, ' ', toString(source_queue_pair), ' ', "
    "destination, ' ', toString(destination_queue_pair))",
}
_TOP = """
SELECT {group} AS name, count(), sum(packets) AS all_packets, sum(octets) AS all_octets, sum(retransmissions),
       sum(ecn_marked), sum(rdma_lost), sum(rdma_unseen), sum(rdma_naks), sum(rdma_cnps)
FROM flows FINAL
WHERE {conditions}
GROUP BY name
ORDER BY all_octets DESC, name
LIMIT {{limit:UInt32}}
"""


class StoredFlow(NamedTuple):
    """A flow with where it came from."""

    origin: Origin
    flow: Flow


class FlowPage(NamedTuple):
    """Flows, newest first by their last packet."""

    flows: Sequence[StoredFlow]
    after: RowKey | None
    """Where the next page begins; None when this is the last one."""


class FlowGroup(NamedTuple):
    """What flows of one kind came to."""

    name: str
    flows: int
    packets: int
    octets: int
    retransmissions: int
    ecn_marked: int
    rdma_lost: int
    rdma_unseen: int
    rdma_naks: int
    rdma_cnps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFilter(RowFilter):
    """Which flows are wanted, by their last packet; None stands for all."""

    label: str | None = None
    """What the payload says; empty for flows that nothing matched."""
    behaviour: str | None = None
    address: str | None = None
    """At either end, as the table writes it."""
    port: int | None = None
    """At either end."""
    queue_pair: int | None = None
    """At either end."""
    protocol: int | None = None
    min_octets: int | None = None
    observer: str | None = None


def insert(connection: Connection, rows: Sequence[StoredFlow]) -> None:
    """Store `rows` as one part: all of them or none. A row that is there already changes nothing."""
    connection.insert(TABLE, _COLUMNS, [_values(row) for row in rows])


def select(connection: Connection, wanted: FlowFilter, after: RowKey | None, limit: int) -> FlowPage:
    """The newest `limit` (1 to MAX_PAGE) of the `wanted` flows that come after the key `after`."""
    check_limit(limit)
    conditions = _conditions(wanted, after)
    rows = connection.query(_SELECT.format(conditions=conditions), {**conditions.parameters, "limit": limit + 1})
    flows = [StoredFlow(Origin(*row[:-1]), _DETAIL.decode(row[-1])) for row in rows[:limit]]
    if len(rows) <= limit:
        return FlowPage(flows, None)
    return FlowPage(flows, place(flows[-1].flow.record.end_ns, flows[-1].origin))


def top(connection: Connection, wanted: FlowFilter, by: GroupBy, limit: int) -> list[FlowGroup]:
    """The `limit` (1 to MAX_TOP) groups with the most octets."""
    if not 1 <= limit <= MAX_TOP:
        raise ValueError(f"limit {limit} is outside 1 to {MAX_TOP}")
    conditions = _conditions(wanted, None)
    if by == "queue_pair":
        conditions.add("source_queue_pair + destination_queue_pair > 0")
    sql = _TOP.format(group=_GROUPS[by], conditions=conditions)
    return [FlowGroup(*row) for row in connection.query(sql, {**conditions.parameters, "limit": limit})]


def _conditions(wanted: FlowFilter, after: RowKey | None) -> Conditions:
    conditions = common(wanted, after)
    if wanted.label is not None:
        conditions.add("label = {label:String}", label=wanted.label)
    if wanted.behaviour is not None:
        conditions.add("behaviour = {behaviour:String}", behaviour=wanted.behaviour)
    if wanted.observer is not None:
        conditions.add("observer = {observer:String}", observer=wanted.observer)
    if wanted.protocol is not None:
        conditions.add("protocol = {protocol:UInt8}", protocol=wanted.protocol)
    if wanted.min_octets is not None:
        conditions.add("octets >= {min_octets:UInt64}", min_octets=wanted.min_octets)
    for name, column, value in (
        ("address", "", wanted.address),
        ("port", "_port", wanted.port),
        ("queue_pair", "_queue_pair", wanted.queue_pair),
    ):
        if value is not None:
            kind = "String" if name == "address" else "UInt32"
            parameter = f"{{{name}:{kind}}}"
            conditions.add(f"(source{column} = {parameter} OR destination{column} = {parameter})", **{name: value})
    return conditions


def _values(row: StoredFlow) -> tuple[Any, ...]:
    flow, record, key = row.flow, row.flow.record, row.flow.record.key
    tcp, rdma = record.tcp, record.rdma
    both = () if rdma is None else (rdma.forward, rdma.reverse)
    return (
        *row.origin,
        record.end_ns,
        record.start_ns,
        flow.observer,
        address_text(key.source),
        address_text(key.destination),
        key.protocol,
        key.ether_type,
        key.source_port,
        key.destination_port,
        key.source_queue_pair,
        key.destination_queue_pair,
        key.vlan,
        record.forward.packets + record.reverse.packets,
        record.forward.octets + record.reverse.octets,
        record.forward.octets,
        record.reverse.octets,
        record.classification.label,
        flow.behaviour.label,
        flow.priority,
        flow.labels,
        record.forward.ecn_marked + record.reverse.ecn_marked,
        0 if tcp is None else tcp.forward.retransmissions + tcp.reverse.retransmissions,
        sum(way.lost for way in both),
        sum(way.unseen for way in both),
        sum(count for way in both for _, count in way.naks),
        sum(way.cnps for way in both),
        record.visibility,
        msgspec.json.encode(flow).decode(),
    )


_DETAIL = msgspec.json.Decoder(Flow)
