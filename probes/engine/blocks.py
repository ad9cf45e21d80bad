"""Blocks of steps: about a second of readings at full resolution, as deltas.

A block is an octet with the format's version, then unsigned LEB128 numbers:

    block    = groups, the number of channels of each group, start, *records
    record   = group, ns since the record before (the first: since `start`), *symbols
    symbols  = one for each channel of the group, in their order, but that 0 stands for several:
               0 n   the next n + 1 channels have not changed
               1     no value
               2 v   the value v: for the first in the block, and after a fall
               n     n - 2 more than the last value in the block

So an idle channel costs next to nothing, a busy one some four octets, and each block stands by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

VERSION = 1
MAX_CHANNELS = 4096
"""Channels, and groups, of one reader."""
MAX_VALUES = 1 << 20
"""Values in one block: what a small hostile block can be blown up to."""
BLOCK_NS = 1_000_000_000
"""A block that is this long is full."""
BLOCK_OCTETS = 256 << 10
"""A block that is this large is full."""

_U64 = (1 << 64) - 1
_UNCHANGED, _NO_VALUE, _ABSOLUTE = 0, 1, 2

Row = tuple[int, int, list[int | None]]
"""Monotonic ns, group, and a value for each of its channels: None for what could not be read."""


class BlockBuilder:
    """A block that is being written. Times must not fall."""

    def __init__(self, sizes: Sequence[int], start: int) -> None:
        """`sizes`: the number of channels of each group. `start`: the time of the first reading, in monotonic ns."""
        self._firsts = [sum(sizes[:index]) for index in range(len(sizes))]
        self._sizes = sizes
        self._last: list[int | None] = [None] * sum(sizes)
        self.octets = bytearray([VERSION])
        for number in (len(sizes), *sizes, start):
            _put(self.octets, number)
        self.start = self.end = start
        self.values = 0

    def add(self, group: int, time: int, values: Sequence[int | None]) -> None:
        """What the channels of a group read at `time`; None for what could not be read."""
        _put(self.octets, group)
        _put(self.octets, time - self.end)
        self.end = time
        self.values += len(values)
        unchanged = 0
        for channel, value in enumerate(values, self._firsts[group]):
            last = self._last[channel]
            if value is not None and value == last:
                unchanged += 1
                continue
            unchanged = self._flush(unchanged)
            if value is None:
                self.octets.append(_NO_VALUE)
                continue
            self._last[channel] = value
            if last is None or not 0 < value - last <= _U64 - _ABSOLUTE:
                self.octets.append(_ABSOLUTE)
                _put(self.octets, value)
            else:
                _put(self.octets, value - last + _ABSOLUTE)
        self._flush(unchanged)

    def is_full(self, time: int) -> bool:
        """Whether what is read at `time` belongs in the next block."""
        room = self.values + MAX_CHANNELS <= MAX_VALUES
        return time - self.start >= BLOCK_NS or len(self.octets) >= BLOCK_OCTETS or not room

    def _flush(self, unchanged: int) -> int:
        if unchanged:
            self.octets.append(_UNCHANGED)
            _put(self.octets, unchanged - 1)
        return 0


def decode_block(block: bytes) -> list[Row]:
    """The readings in a block, in the order in which they were taken. Raises ValueError for anything else."""
    return _Decoder(block).rows()


class _Decoder:
    def __init__(self, block: bytes) -> None:
        self._block = block
        self._at = 1
        if not block or block[0] != VERSION:
            raise ValueError("not a block of steps, or of another version")
        groups = self._number()
        if groups > MAX_CHANNELS:
            raise ValueError("a block with too many groups")
        self._sizes = [self._number() for _ in range(groups)]
        if sum(self._sizes) > MAX_CHANNELS:
            raise ValueError("a block with too many channels")
        self._firsts = [sum(self._sizes[:index]) for index in range(groups)]
        self._last: list[int | None] = [None] * sum(self._sizes)
        self._time = self._number()

    def rows(self) -> list[Row]:
        rows: list[Row] = []
        room = MAX_VALUES
        while self._at < len(self._block):
            group, elapsed = self._number(), self._number()
            if group >= len(self._sizes):
                raise ValueError("a block with a reading of no group")
            self._time += elapsed
            # A group without channels counts too, so that the rows are bounded.
            room -= max(self._sizes[group], 1)
            if room < 0 or self._time > _U64:
                raise ValueError("a block with too many values, or a time out of bounds")
            rows.append((self._time, group, self._values(self._firsts[group], self._sizes[group])))
        return rows

    def _values(self, first: int, size: int) -> list[int | None]:
        values: list[int | None] = []
        while len(values) < size:
            channel = first + len(values)
            symbol = self._number()
            if symbol == _UNCHANGED:
                run = self._number() + 1
                same = self._last[channel : channel + run]
                if run > size - len(values) or None in same:
                    raise ValueError("a block that repeats what is not there")
                values += same
            elif symbol == _NO_VALUE:
                values.append(None)
            else:
                values.append(self._changed(channel, symbol))
        return values

    def _changed(self, channel: int, symbol: int) -> int:
        if symbol == _ABSOLUTE:
            value = self._number()
        else:
            last = self._last[channel]
            if last is None or (value := last + symbol - _ABSOLUTE) > _U64:
                raise ValueError("a block with a value out of bounds")
        self._last[channel] = value
        return value

    def _number(self) -> int:
        number = shift = 0
        while self._at < len(self._block):
            octet = self._block[self._at]
            self._at += 1
            number |= (octet & 0x7F) << shift
            if octet < 0x80:
                if number > _U64:
                    break
                return number
            shift += 7
            if shift > 63:
                break
        raise ValueError("a block that is cut off, or a number out of bounds in it")


def _put(octets: bytearray, number: int) -> None:
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
