"""Versatile diagnostics of CMIS modules: bit error ratios before FEC, frame errors, signal-to-noise. CMIS 5.3, 8.19.

Pages 20h-23h say what each of up to 256 instances observes, pages 24h-27h hold the values in the same places. All of
them exist once per bank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from probes.sources.eeprom.memory import BANK_LANES, Memory, Span, signed, take, unsigned
from probes.sources.eeprom.module import Observed

MAX_GROUPS = 4
_DESCRIPTIONS, _VALUES, _CONTROL = 0x20, 0x24, 0x2F
_PAGE_BYTES = 128
_INSTANCE_BYTES = 2


def f16(content: bytes, offset: int) -> float:
    """An unsigned decimal floating point number: 5 bits of exponent (less 24), 11 of mantissa."""
    raw = unsigned(content, offset)
    # Divided and not multiplied by the power, which is exact where that is inexact.
    exponent, mantissa = (raw >> 11) - 24, raw & 0x7FF
    return float(mantissa * 10**exponent) if exponent >= 0 else mantissa / 10**-exponent


def _ratio(content: bytes, offset: int) -> float | None:
    """A part of 1; None for a number above it, which modules have in a place that they do not fill."""
    value = f16(content, offset)
    return value if value <= 1 else None


def _decibels(content: bytes, offset: int) -> float:
    return unsigned(content, offset) / 256


def _celsius(content: bytes, offset: int) -> float:
    return signed(content, offset) / 256


class _Kind(NamedTuple):
    name: str
    statistic: str
    side: str
    decode: Callable[[bytes, int], float | None]


def _kinds() -> Iterator[tuple[int, _Kind]]:
    """What is observed, by its number; those that are worth a metric (CMIS 5.3, table 8-172)."""
    yield 4, _Kind("laser_temperature", "current", "media", _celsius)
    sides = ("media", "host")
    for number, name in ((5, "snr"), (7, "level_transition")):
        for place, side in enumerate(sides):
            yield number + place, _Kind(name, "current", side, _decibels)
    for first, name in ((9, "bit_error_ratio"), (17, "frame_error_ratio")):
        for step, statistic in enumerate(("minimum", "maximum", "average", "current")):
            for place, side in enumerate(sides):
                yield first + 2 * step + place, _Kind(name, statistic, side, _ratio)


_KINDS = dict(_kinds())


class Group(NamedTuple):
    """The instances of a page of values that are read."""

    span: Span
    instances: tuple[tuple[int, int, int], ...]
    """Of each the place in the span, the number of what it observes, and the lane (0 for all)."""


def find_groups(memory: Memory, banks: Iterable[int]) -> tuple[Group, ...]:
    """What there is to read of a module that has diagnostics. Raises EepromError, OSError."""
    control = take(memory, Span(128, 1, page=_CONTROL))
    count = (control[0] & 0x03) + 1 if control is not None else MAX_GROUPS
    groups = []
    seen: set[tuple[int, int]] = set()
    for bank in banks:
        for number in range(count):
            page = take(memory, Span(128, _PAGE_BYTES, page=_DESCRIPTIONS + number, bank=bank))
            if page is not None and (group := describe(page, number, bank, seen)) is not None:
                groups.append(group)
    return tuple(groups)


def describe(page: bytes, number: int, bank: int, seen: set[tuple[int, int]]) -> Group | None:
    """The group whose descriptions a page holds; None when it observes nothing that is of interest.

    `seen` is what is observed of which lane so far: a module may say a thing twice, and only the first counts.
    """
    places = []
    for at in range(0, _PAGE_BYTES, _INSTANCE_BYTES):
        kind, lane = page[at + 1], _lane(page[at] & 0x0F, bank)
        if kind in _KINDS and (kind, lane) not in seen:
            seen.add((kind, lane))
            places.append((at, kind, lane))
    if not places:
        return None
    first, end = places[0][0], places[-1][0] + _INSTANCE_BYTES
    span = Span(128 + first, end - first, page=_VALUES + number, bank=bank)
    return Group(span, tuple((at - first, kind, lane) for at, kind, lane in places))


def observe(memory: Memory, groups: Iterable[Group]) -> Iterator[Observed]:
    """The values of groups as they are now. Raises EepromError, OSError."""
    for group in groups:
        content = take(memory, group.span)
        for at, number, lane in group.instances if content is not None else ():
            kind = _KINDS[number]
            yield Observed(kind.name, kind.statistic, kind.side, lane, kind.decode(content or b"", at))


def _lane(number: int, bank: int) -> int:
    """Lanes count from 0 within a bank; what is beyond them stands for all lanes of a data path."""
    return bank * BANK_LANES + number + 1 if number < BANK_LANES else 0
