"""Rules in their normal form, for tests."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fabricscope.flow import Classification


def form(side: str = "client", patterns: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {"side": side, "patterns": list(patterns), "within": None, "checks": [], "message": "first"} | more


def way(*tests: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "", "confidence": 0.9, "packets": 1, "ports_required": False, "tests": list(tests), "not": [],
    } | more  # fmt: skip


def rule(name: str, *ways: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name, "label": name, "transports": ["tcp"], "ports": [], "refines": [], "extract": None, "fields": [],
        "listen": 0, "alternatives": list(ways),
    } | more  # fmt: skip


def document(*rules: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1, "rules": rules}).encode()


def asked(
    engine: Any,
    rules: bytes,
    *packets: tuple[bool, bytes],
    ports: tuple[int, int] = (40_000, 80),
    carrier: tuple[int, int, bool] = (6, 0x0800, False),
    opened: bool = True,
) -> Classification:
    said = engine.Classifier(rules).classify(carrier, ports, list(packets), opened)
    return msgspec.msgpack.decode(said, type=Classification)
