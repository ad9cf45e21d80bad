"""Facts about this host."""

from __future__ import annotations

import socket
from pathlib import Path

from probes.sources.sysfs import read_label

BOOT_ID = Path("sys/kernel/random/boot_id")


def boot_id(proc: Path) -> str:
    """The id the kernel chose at boot (random(4)); empty where it cannot be read."""
    return read_label(proc / BOOT_ID)


def host_name() -> str:
    """The kernel's name for this host (uname(2)); it can be any text."""
    return socket.gethostname()
