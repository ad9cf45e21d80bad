"""/proc/net/dev: every network interface with its counters, a line each (net/core/net-procfs.c).

The counters are read by the engine (probes/engine/table.py); here is which interfaces there are.
"""

from __future__ import annotations

from pathlib import Path

from probes.sources import sysfs


def interfaces(path: Path) -> set[str]:
    """The interfaces that have a line; none when the file is absent. Raises sysfs.Unreadable, also for a long file."""
    return parse(sysfs.read_text(path) or "")


def parse(text: str) -> set[str]:
    """The names before the colons; the headings have none."""
    return {line.partition(":")[0].strip() for line in text.splitlines() if ":" in line}
