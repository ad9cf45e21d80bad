"""Events to store."""

from __future__ import annotations

from typing import Any

from collector.store import StoredEvent
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
    return StoredEvent(cluster, host, epoch, sequence, position, Event(**fields), received)
