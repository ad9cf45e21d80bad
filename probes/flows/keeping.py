"""Packets of flows that a policy keeps: asked for at the meters that have them, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from fabricscope.flow import FlowRecord
from probes.engine import Meter

Write = Callable[[bytes], bool]
"""Takes a section of pcapng; whether there was room for it."""


class Keeper:
    """Gives the packets of kept flows to a file, as far as meters still have them."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.saved = 0
        """Packets that were written."""
        self.missed = 0
        """Packets of such flows that had made room for others, or found none in the file."""
        self.trouble = ""
        """Why the file could not be written, the last time; empty when it could."""

    def keep(self, records: Sequence[FlowRecord], meters: Iterable[Meter]) -> None:
        """Write the packets of these flows."""
        if not records:
            return
        wanted = msgspec.msgpack.encode([(record.key, record.start_ns, record.end_ns) for record in records])
        saved = 0
        for meter in meters:
            count, section = meter.save_kept(wanted)
            if not count:
                continue
            try:
                saved += count if self._write(section) else 0
                self.trouble = ""
            except OSError as error:
                self.trouble = f"{error.filename or 'kept packets'}: {error.strerror}"
        self.saved += saved
        self.missed += max(sum(record.forward.packets + record.reverse.packets for record in records) - saved, 0)
