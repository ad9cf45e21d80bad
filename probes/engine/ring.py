"""The last minutes of steps, in blocks, bounded in octets: the specification of engine/src/ring.rs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from probes.engine.blocks import MAX_CHANNELS, BlockBuilder

BLOCK_OVERHEAD = 64
"""Octets that a block takes beside its own."""

Frozen = tuple[int, int, int, bytes]
"""Layout, monotonic ns of the first and of the last reading, and the block."""


class StepRing:
    """Blocks of several readers, each of a layout: what its groups and channels are is known to who made it.

    May be used by several threads.
    """

    def __init__(self, max_octets: int) -> None:
        """`max_octets` bounds what is kept, blocks under way included."""
        self._max_octets = max_octets
        self._sizes: dict[int, list[int]] = {}
        self._open: dict[int, BlockBuilder] = {}
        self._closed: deque[Frozen] = deque()
        self._closed_octets = 0
        self._dropped = 0
        self._lock = threading.Lock()

    def begin(self, layout: int, sizes: Sequence[int]) -> None:
        """Take readings of a layout from now on; `sizes` are the numbers of channels of its groups.

        Raises ValueError for more than 4,096 groups or channels.
        """
        if len(sizes) > MAX_CHANNELS or sum(sizes) > MAX_CHANNELS:
            raise ValueError(f"more than {MAX_CHANNELS} channels or groups")
        with self._lock:
            self._close(layout)
            self._sizes[layout] = list(sizes)

    def record(self, layout: int, group: int, mono: int, values: Sequence[int | None]) -> None:
        """What the channels of a group read at `mono` ns, which never falls within a layout.

        Raises ValueError for a layout that was not begun, a group that it does not have, or another number of values.
        """
        with self._lock:
            sizes = self._sizes.get(layout)
            if sizes is None or not 0 <= group < len(sizes) or len(values) != sizes[group]:
                raise ValueError("no such layout or group, or another number of values")
            block = self._open.get(layout)
            if block is not None and (block.is_full(mono) or mono < block.end):
                self._close(layout)
                block = None
            if block is None:
                block = self._open[layout] = BlockBuilder(sizes, mono)
            block.add(group, mono, values)
            self._bound()

    def end(self, layout: int) -> None:
        """No more readings of a layout will come; what there is of it stays."""
        with self._lock:
            self._close(layout)
            self._sizes.pop(layout, None)

    def freeze(self) -> list[Frozen]:
        """Every block, oldest first, those under way last."""
        with self._lock:
            return [*self._closed, *(_frozen(layout, block) for layout, block in sorted(self._open.items()))]

    def octets(self) -> int:
        """What is kept, in octets."""
        with self._lock:
            return self._octets()

    def oldest(self) -> int | None:
        """When the oldest reading was taken, in monotonic ns; None when there is none."""
        with self._lock:
            starts = [block[1] for block in self._closed] + [block.start for block in self._open.values()]
            return min(starts, default=None)

    def dropped(self) -> int:
        """Blocks that had to go, since the ring was made."""
        with self._lock:
            return self._dropped

    def _close(self, layout: int) -> None:
        block = self._open.pop(layout, None)
        if block is not None:
            self._closed.append(_frozen(layout, block))
            self._closed_octets += len(block.octets) + BLOCK_OVERHEAD

    def _octets(self) -> int:
        return self._closed_octets + sum(len(block.octets) + BLOCK_OVERHEAD for block in self._open.values())

    def _bound(self) -> None:
        while self._closed and self._octets() > self._max_octets:
            self._closed_octets -= len(self._closed.popleft()[3]) + BLOCK_OVERHEAD
            self._dropped += 1


def _frozen(layout: int, block: BlockBuilder) -> Frozen:
    return layout, block.start, block.end, bytes(block.octets)
