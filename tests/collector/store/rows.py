"""Events and flows to store."""

from __future__ import annotations

from typing import Any

from collector.store import Origin, StoredEvent, StoredFlow
from fabricscope.flow import Flow
from fabricscope.model import Event, Severity

SECOND = 1_000_000_000
START = 3_000_000_000 * SECOND
"""In 2065: the engine deletes what is old by its own clock."""


def row(
    sequence: int = 1,
    position: int = 0,
    *,
    host: str = "node1",
    epoch: str = "epoch-a",
    cluster: str = "prod",
    received: int = START + SECOND,
    **event: Any,
) -> StoredEvent:
    """One event; by default a second after the one of the message before."""
    fields: dict[str, Any] = {
        "time_unix_ns": START + sequence * SECOND,
        "monotonic_ns": sequence,
        "kind": "ethernet.down",
        "severity": Severity.WARNING,
        "message": f"device eth{sequence} is down",
        "subject": {"device": f"eth{sequence}"},
        "attributes": {"driver": "mlx5_core"},
        **event,
    }
    return StoredEvent(Origin(cluster, host, epoch, sequence, position, received), Event(**fields))


def flow_row(sequence: int, flow: Flow, position: int = 0, *, host: str = "node1", cluster: str = "prod") -> StoredFlow:
    """One flow, received a second after START."""
    return StoredFlow(Origin(cluster, host, "epoch-a", sequence, position, START + SECOND), flow)
