"""Rules and records for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabricscope.flow import Classification, EndReason, Features, FlowKey, FlowRecord, Rdma, Tcp, Tunnel, Way
from probes.flows.language import native
from probes.flows.language.rule import Rule
from probes.flows.language.rule_files import Rules, load

needs_engine = pytest.mark.skipif(not native.BUILT, reason="the Rust engine is not built")

SECOND = 1_000_000_000


def written(folder: Path, text: str, name: str = "own.yaml") -> Path:
    """A file of rules."""
    file = folder / name
    file.write_text(text)
    return file


def loaded(folder: Path, text: str) -> Rules:
    """The rules of a text, and no shipped ones."""
    return load([written(folder, text)], shipped=False)


def rule(name: str, **values: Any) -> Rule:
    """A rule that lacks nothing."""
    values = {"summary": name, "label": name, "transport": ("tcp",), "confidence": 0.9, **values}
    return Rule(name=name, **values)


def way(packets: int = 0, octets: int = 0, payload: int = 0) -> Way:
    """One way of a flow."""
    return Way(packets, octets, payload, 0, 0, 0, 0, 0, 0, 0)


def features(**values: Any) -> Features:
    """Behaviour of which only this is known."""
    plain: dict[str, Any] = {
        "sizes_forward": [],
        "sizes_reverse": [],
        "gaps_forward": [],
        "gaps_reverse": [],
        "bursts": 0,
        "burst_octets": 0,
        "busy_ns": 0,
        "bin_ns": 0,
        "bins": [],
        "period_ns": 0,
        "period_strength": 0.0,
    }
    return Features(**plain | values)


def record(
    source: str = "10.0.0.1",
    destination: str = "10.0.0.2",
    port: int = 80,
    *,
    start: float = 0,
    end: float = 1,
    forward: Way | None = None,
    reverse: Way | None = None,
    tcp: Tcp | None = None,
    rdma: Rdma | None = None,
    shape: Features | None = None,
) -> FlowRecord:
    """A flow over TCP."""
    ends = [bytes(map(int, address.split("."))) for address in (source, destination)]
    key = FlowKey(ends[0], ends[1], 6, 0x0800, 40000, port, 0, 0, 0, Tunnel.NONE, 0)
    return FlowRecord(
        key,
        int(start * SECOND),
        int(end * SECOND),
        EndReason.IDLE,
        forward or way(),
        reverse or way(),
        1,
        tcp,
        rdma,
        shape or features(),
        Classification("", "", 0.0, [], 0, [], []),
        1.0,
    )
