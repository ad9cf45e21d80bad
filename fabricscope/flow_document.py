"""A flow as people and scripts read it: JSON with names instead of positions, numbers of codes as words."""

from __future__ import annotations

import enum
from typing import Any

from msgspec import Struct, structs

from fabricscope.flow import Flow, address_text

_PAIRS = {"opcodes": ("code", "count"), "naks": ("code", "count"), "alternatives": ("label", "confidence")}


def document(flow: Flow) -> dict[str, Any]:
    """The whole flow; times in ns since 1970, sizes in octets, as fabricscope.flow describes each field."""
    described: dict[str, Any] = _plain("", flow.record)
    payload = described.pop("classification")
    return described | {
        "payload": payload,
        "behaviour": _plain("", flow.behaviour),
        "observer": flow.observer,
        "labels": flow.labels,
        "priority": flow.priority,
    }


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Struct):
        return {field.name: _plain(field.name, getattr(value, field.name)) for field in structs.fields(value)}
    if isinstance(value, bytes):
        return address_text(value)
    if isinstance(value, enum.Enum):
        return value.name.lower().replace("_", "-")
    if name == "fields":
        return [{"name": key, "value": content} for key, content in value]
    if name in _PAIRS:
        return [dict(zip(_PAIRS[name], pair, strict=True)) for pair in value]
    return value
