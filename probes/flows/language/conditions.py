"""Conditions on features of a flow: `octets > 100 MB`, `duty in 0.2..0.8`. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

_NUMBER = r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,9})?(?:[eE][-+]?[0-9]{1,2})?"
_COMPARES = re.compile(rf"\s*([a-z][a-z0-9_]*)\s*(>=|<=|==|!=|>|<)\s*({_NUMBER})\s*([A-Za-z/%]*)\s*")
_WITHIN = re.compile(rf"\s*([a-z][a-z0-9_]*)\s+in\s+({_NUMBER})\s*\.\.\s*({_NUMBER})\s*([A-Za-z/%]*)\s*")
# fmt: off
UNITS = {
    "": 1.0, "%": 0.01,
    "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0,
    "kbit/s": 125.0, "Mbit/s": 125e3, "Gbit/s": 125e6,
}
# fmt: on
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


class Condition(NamedTuple):
    """A feature compared with a number, or with two."""

    text: str
    feature: str
    compare: str
    """An operator, or `in`."""
    value: float
    last: float
    """The upper end of `in`."""

    def holds(self, found: float) -> bool:
        """Whether it does of a value."""
        if self.compare == "in":
            return self.value <= found <= self.last
        return _OPERATORS[self.compare](found, self.value)


def parse(text: str) -> Condition:
    """Raises ValueError for what is no condition; whether there is such a feature is another question."""
    if match := _COMPARES.fullmatch(text):
        feature, compare, value, unit = match.groups()
        return Condition(text, feature, compare, float(value) * _unit(unit), 0.0)
    if match := _WITHIN.fullmatch(text):
        feature, first, last, unit = match.groups()
        low, high = float(first) * _unit(unit), float(last) * _unit(unit)
        if low > high:
            raise ValueError(f"nothing is in {first}..{last}; the lower one comes first")
        return Condition(text, feature, "in", low, high)
    raise ValueError(f"{text[:80]!r}: expected FEATURE OP VALUE, such as `octets > 100 MB` or `duty in 0.2..0.8`")


def _unit(unit: str) -> float:
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit; there are {', '.join(filter(None, UNITS))}")
    return UNITS[unit]
