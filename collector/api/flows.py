"""What is asked of flows, and how it is answered."""

from __future__ import annotations

from typing import Any

from collector.api import documents, parameters
from collector.api.problems import unavailable
from collector.api.sources import Sources
from collector.api.times import format_time
from collector.store import FlowFilter, FlowGroup, RowKey, StoredFlow, StoreError
from fabricscope.flow import address_text
from fabricscope.flow_document import document


async def list_flows(sources: Sources, query: parameters.FlowsQuery) -> documents.FlowList:
    """Flows, newest first by their last packet."""
    after = None if query.after is None else parameters.decode_position(query.after, RowKey)
    try:
        page = await sources.rows.flows(_filter(query), after, query.limit)
    except StoreError as error:
        raise unavailable(str(error)) from error
    found = None if page.after is None else parameters.encode_position(page.after)
    return documents.FlowList([_flow(row) for row in page.flows], found)


async def top_flows(sources: Sources, query: parameters.TopFlowsQuery) -> documents.FlowGroups:
    """What flows came to, by what they have in common, most octets first."""
    try:
        groups = await sources.rows.top_flows(_filter(query), query.by, query.limit)
    except StoreError as error:
        raise unavailable(str(error)) from error
    return documents.FlowGroups([_group(group) for group in groups])


def _filter(query: parameters.FlowConditions) -> FlowFilter:
    return FlowFilter(
        since_unix_ns=parameters.parse_time("since", query.since),
        until_unix_ns=parameters.parse_time("until", query.until),
        cluster=query.cluster,
        host=query.host,
        label=query.label,
        behaviour=query.behaviour,
        address=query.address,
        port=query.port,
        queue_pair=query.queue_pair,
        protocol=query.protocol,
        min_octets=query.min_octets,
        observer=query.observer,
    )


def _flow(row: StoredFlow) -> documents.FlowInfo:
    origin, flow = row
    record = flow.record
    detail: dict[str, Any] = document(flow)
    return documents.FlowInfo(
        id=f"{origin.host}/{origin.epoch}/{origin.sequence}/{origin.position}",
        cluster=origin.cluster,
        host=origin.host,
        observer=flow.observer,
        start=format_time(record.start_ns),
        end=format_time(record.end_ns),
        received=format_time(origin.received_unix_ns),
        source=address_text(record.key.source),
        destination=address_text(record.key.destination),
        protocol=record.key.protocol,
        source_port=record.key.source_port,
        destination_port=record.key.destination_port,
        source_queue_pair=record.key.source_queue_pair,
        destination_queue_pair=record.key.destination_queue_pair,
        packets=record.forward.packets + record.reverse.packets,
        octets=record.forward.octets + record.reverse.octets,
        label=record.classification.label,
        confidence=record.classification.confidence,
        behaviour=flow.behaviour.label,
        detail=detail,
    )


def _group(group: FlowGroup) -> documents.FlowGroupInfo:
    return documents.FlowGroupInfo(**group._asdict())
