"""Flows as rows.

Structures and messages have the same fields under the same names, so one table, made from the structures, moves them
both ways. What comes from the network is bounded: texts, lists, enumerations, and what must be finite or a ratio.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from google.protobuf.message import Message
from msgspec import Struct, structs

from fabricscope.codec.bounds import MAX_FLOWS, MAX_LIST, bounded, bounded_map, invalid, point_in_time
from fabricscope.flow import Classification, Flow, FlowRecord
from fabricscope.v1 import flows_pb2, stream_pb2

ADDRESSES = frozenset({2, 4, 6, 16})
"""Octets of an address: a LID, IPv4, Ethernet, IPv6 or a GID."""
_RATIOS = frozenset({"confidence", "period_strength", "visibility"})
_PAIRS = {"opcodes": ("code", "count"), "naks": ("code", "count"), "fields": ("name", "value")} | {
    "alternatives": ("label", "confidence")
}
"""Lists of pairs, and what their messages call the two."""
_BITS = {"protocol": 8, "ether_type": 16, "source_port": 16, "destination_port": 16, "vlan": 12, "tcp_flags": 8} | {
    "source_queue_pair": 24,
    "destination_queue_pair": 24,
}
"""Numbers that are narrower than the wire's."""
_PAYLOAD = "payload"
"""What the message calls the record's classification, which stands beside that of the behaviour there."""
_OPTIONAL = frozenset({"tcp", "rdma"})


class _Field(NamedTuple):
    """How one field goes between a structure and its message."""

    name: str
    struct: type[Struct] | None
    """Of a structure within the structure."""
    listed: bool
    enumeration: type[enum.IntEnum] | None


def encode_flows(flows: Iterable[Flow]) -> stream_pb2.StreamRequest:
    """One message with the flows, in their order."""
    return stream_pb2.StreamRequest(flows=flows_pb2.Flows(flows=[_encode_flow(flow) for flow in flows]))


def decode_flows(message: flows_pb2.Flows) -> list[Flow]:
    """The flows, in their order. Raises Refused when one is out of bounds: none is taken then."""
    if len(message.flows) > MAX_FLOWS:
        raise invalid(f"{len(message.flows)} flows in one message; at most {MAX_FLOWS} are taken")
    return [_decode_flow(flow) for flow in message.flows]


def _encode_flow(flow: Flow) -> flows_pb2.Flow:
    message = flows_pb2.Flow(observer=flow.observer, labels=flow.labels, priority=flow.priority)
    for field in _FIELDS[FlowRecord]:
        _encode_field(message, _PAYLOAD if field.struct is Classification else field.name, field, flow.record)
    _encode(message.behaviour, flow.behaviour)
    return message


def _decode_flow(message: flows_pb2.Flow) -> Flow:
    values = {
        field.name: _decode_field(message, _PAYLOAD if field.struct is Classification else field.name, field)
        for field in _FIELDS[FlowRecord]
    }
    for end in ("source", "destination"):
        if (size := len(getattr(message.key, end))) not in ADDRESSES:
            raise invalid(f"{end} of a flow has {size} octets; an address has one of {sorted(ADDRESSES)}")
    return Flow(
        record=FlowRecord(**values),
        behaviour=_decode(message.behaviour, Classification),
        observer=bounded(message.observer, "observer of a flow"),
        labels=bounded_map(message.labels, "labels of a flow"),
        priority=message.priority,
    )


def _encode(message: Message, struct: Struct) -> None:
    for field in _FIELDS[type(struct)]:
        _encode_field(message, field.name, field, struct)


def _encode_field(message: Message, name: str, field: _Field, struct: Struct) -> None:
    value = getattr(struct, field.name)
    if field.struct is not None:
        if value is not None:
            inner = getattr(message, name)
            # A structure of zeros is there all the same.
            inner.SetInParent()
            _encode(inner, value)
    elif field.name in _PAIRS:
        first, second = _PAIRS[field.name]
        repeated = getattr(message, name)
        for pair in value:
            repeated.add(**{first: pair[0], second: pair[1]})
    elif field.listed:
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _decode(message: Message, kind: type[Struct]) -> Any:
    return kind(**{field.name: _decode_field(message, field.name, field) for field in _FIELDS[kind]})


def _decode_field(message: Message, name: str, field: _Field) -> Any:
    if field.struct is not None:
        if field.name in _OPTIONAL and not message.HasField(name):
            return None
        return _decode(getattr(message, name), field.struct)
    value = getattr(message, name)
    if field.listed:
        return _listed(value, field.name)
    if field.enumeration is not None:
        try:
            return field.enumeration(value)
        except ValueError:
            raise invalid(f"{name} of a flow is {value}, which is none of them") from None
    if isinstance(value, str):
        return bounded(value, f"{name} of a flow")
    if isinstance(value, bytes):
        return value  # an address: its length is looked at with its flow
    if field.name in _RATIOS:
        return _ratio(value, name)
    if value >> _BITS.get(field.name, 64):
        raise invalid(f"{name} of a flow is {value}, which has more than {_BITS[field.name]} bits")
    return point_in_time(value, f"{name} of a flow") if field.name.endswith("_ns") else value


def _listed(values: Any, name: str) -> list[Any]:
    if len(values) > MAX_LIST:
        raise invalid(f"{name} of a flow has {len(values)} entries; at most {MAX_LIST} are taken")
    if name not in _PAIRS:
        return [bounded(value, f"{name} of a flow") if isinstance(value, str) else value for value in values]
    first, second = _PAIRS[name]
    return [(_plain(getattr(pair, first), name), _plain(getattr(pair, second), name)) for pair in values]


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return bounded(value, f"{name} of a flow")
    return _ratio(value, name) if isinstance(value, float) else value


def _ratio(value: float, name: str) -> float:
    if not isfinite(value) or not 0 <= value <= 1:
        raise invalid(f"{name} of a flow is {value}; it lies from 0 to 1")
    return value


def _fields_of(kind: type[Struct], table: dict[type[Struct], tuple[_Field, ...]]) -> None:
    """The fields of a structure, and of those within it."""
    hints: Mapping[str, Any] = get_type_hints(kind)
    found = []
    for info in structs.fields(kind):
        hint = hints[info.name]
        parts = [part for part in (hint, *get_args(hint)) if isinstance(part, type)]
        inner = next((part for part in parts if issubclass(part, Struct)), None)
        number = next((part for part in parts if issubclass(part, enum.IntEnum)), None)
        found.append(_Field(info.name, inner, get_origin(hint) is list, number))
        if inner is not None and inner not in table:
            _fields_of(inner, table)
    table[kind] = tuple(found)


_FIELDS: dict[type[Struct], tuple[_Field, ...]] = {}
_fields_of(FlowRecord, _FIELDS)
