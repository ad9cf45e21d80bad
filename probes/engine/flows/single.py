"""Numbers of 32 bits (IEEE 754), as Rust computes shares and confidences with."""

from __future__ import annotations

from struct import Struct

_SINGLE = Struct("f")


def single(number: float) -> float:
    """The nearest one."""
    (rounded,) = _SINGLE.unpack(_SINGLE.pack(number))
    return float(rounded)
