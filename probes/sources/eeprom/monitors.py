"""Numbers of monitors and thresholds, which all the standards store in the same units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from probes.sources.eeprom.memory import signed, unsigned
from probes.sources.eeprom.module import LEVELS, Flag, Thresholds

_NEVER = (bytes(8), b"\xff" * 8)
"""What the thresholds of a quantity hold when the module has none."""


def celsius(content: bytes, offset: int) -> float:
    """A temperature: 1/256 degree in two's complement."""
    return signed(content, offset) / 256


def volts(content: bytes, offset: int) -> float:
    """A voltage: 100 microvolts."""
    return unsigned(content, offset) / 10_000


def amperes(content: bytes, offset: int) -> float:
    """A bias current: 2 microamperes."""
    return unsigned(content, offset) / 500_000


def watts(content: bytes, offset: int) -> float:
    """An optical power: 0.1 microwatt."""
    return unsigned(content, offset) / 10_000_000


def thresholds(content: bytes, offset: int, unit: Callable[[bytes, int], float]) -> Thresholds | None:
    """The four limits of a quantity from `offset` on; None when the module has none."""
    if content[offset : offset + 8] in _NEVER:
        return None
    limits = Thresholds(*(unit(content, offset + 2 * place) for place in range(len(LEVELS))))
    return limits if all(map(math.isfinite, limits)) else None


def level_flags(quantity: str, lane: int, bits: int, order: Iterable[str] = LEVELS) -> list[Flag]:
    """Four flags of a quantity from the lower bits of `bits`; `order` names them from the lowest bit on."""
    return [Flag(f"{quantity}_{level}", lane, bool(bits >> place & 1)) for place, level in enumerate(order)]


def lane_flags(name: str, lanes: Iterable[int], bits: int) -> list[Flag]:
    """A flag of each of the lanes (from 1), of which bit 0 of `bits` is lane 1."""
    return [Flag(name, lane, bool(bits >> (lane - 1) & 1)) for lane in lanes]
