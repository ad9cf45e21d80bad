"""One client, and so one child process, for all samplers that read the same library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fabricscope.clock import Clock
from probes.sources.nvml.client import Client
from probes.sources.nvml.process import ChildProcess

_lock = threading.Lock()
_shared: dict[str, _Shared] = {}


class _Shared(NamedTuple):
    client: Client
    users: int


def acquire(library: str, clock: Clock, expected: Callable[[], int] = int) -> Client:
    """The client of the library at this path (empty: where the loader finds it). Nothing starts before it is asked.

    `expected` says how many GPUs the host has; that of the first user is asked. Whoever acquires releases.
    """
    with _lock:
        known = _shared.get(library)
        client = known.client if known is not None else _client(library, clock, expected)
        _shared[library] = _Shared(client, 1 if known is None else known.users + 1)
        return client


def _client(library: str, clock: Clock, expected: Callable[[], int]) -> Client:
    return Client(lambda skip: ChildProcess(library, clock, skip), clock, expected=expected)


def release(library: str) -> None:
    """Give it back; with the last user the child process ends."""
    with _lock:
        known = _shared.get(library)
        if known is None:
            return
        if known.users > 1:
            _shared[library] = known._replace(users=known.users - 1)
            return
        del _shared[library]
    known.client.close()


def driver_missing(version: Path, control: Path) -> str | None:
    """Why NVML has nothing to talk to, from `<proc>/driver/nvidia/version` and `<dev>/nvidiactl`; None if it has."""
    if control.exists():
        return None
    if version.exists():
        return (
            f"the NVIDIA driver is loaded, but {control} is not there for this process: under systemd allow it with "
            "PrivateDevices=no and DeviceAllow=, in a container ask for the GPUs"
        )
    return f"no NVIDIA driver: there is neither {version} nor {control}"
