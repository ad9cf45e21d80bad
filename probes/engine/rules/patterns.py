"""Patterns over octets, looked for with Python's `re`.

The syntax is that of Rust's `regex` without Unicode, as far as Python has the same: what Rust has not (look-around,
back references, possessive quantifiers) is refused, and `$` is the end of the octets alone. Rust looks for all
patterns at once in a time that grows with the octets; Python tries one after the other and may go back, over 2 KiB at
most.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from probes.engine.rules.sides import MAX_OCTETS

POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": r"0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
UNKNOWN_HERE = {
    kinds.ASSERT: "look-around, including look-ahead and look-behind, is not supported",
    kinds.ASSERT_NOT: "look-around, including look-ahead and look-behind, is not supported",
    kinds.GROUPREF: "backreferences are not supported",
    kinds.GROUPREF_EXISTS: "backreferences are not supported",
    kinds.ATOMIC_GROUP: "atomic groups are not supported",
    kinds.POSSESSIVE_REPEAT: "possessive quantifiers are not supported",
}

_TOKEN = re.compile(r"\\x\{([0-9A-Fa-f]+)\}|\\z|\\.|\[:(\^?)(\w+):\]|\(\?<(?=[A-Za-z_])|\$|\[\^?\]?|\]", re.DOTALL)


def compiled(pattern: str) -> re.Pattern[bytes]:
    """For `re`. Raises ValueError with what is wrong."""
    translated = _translated(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(translated, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error


def check_pattern(pattern: str) -> bool:
    """Whether a pattern is anchored at the beginning in every branch. ValueError when it cannot be looked for."""
    compiled(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _anchored(_parser.parse(_translated(pattern), re.DOTALL))


def _translated(pattern: str) -> bytes:
    """Rust's way to write a few things in Python's."""
    inside = False

    def one(found: re.Match[str]) -> str:
        nonlocal inside
        part = found[0]
        if found[1]:
            return re.escape(chr(int(found[1], 16))) if int(found[1], 16) < 0x80 else f"\\x{int(found[1], 16):02x}"
        if part == r"\z":
            return r"\Z"
        if part == r"\Z":
            raise ValueError("unrecognized escape sequence")
        if found[3]:
            if found[3] not in POSIX or found[2]:
                raise ValueError(f"the class {part} is not known")
            return POSIX[found[3]]
        if part == "(?<":
            return "(?P<"
        if part == "$":
            return "$" if inside else r"\Z"
        if part[0] == "[":
            if inside:
                raise ValueError("a class within a class is not known here")
            inside = True
        elif part == "]":
            inside = False
        return part

    return _TOKEN.sub(one, pattern).encode()


def _anchored(parts: Iterable[tuple[Any, Any]]) -> bool:
    """Whether every way through the parts begins with the beginning of the octets."""
    found = False
    for kind, argument in parts:
        if kind in UNKNOWN_HERE:
            raise ValueError(UNKNOWN_HERE[kind])
        inner: list[Any] = []
        if kind is kinds.AT:
            found = found or argument in (kinds.AT_BEGINNING, kinds.AT_BEGINNING_STRING)
        elif kind is kinds.BRANCH:
            branches = [_anchored(branch) for branch in argument[1]]
            found = found or all(branches)
        elif kind is kinds.SUBPATTERN:
            inner = argument[3]
            found = _anchored(inner) or found
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            least, _, inner = argument
            found = (_anchored(inner) and least > 0) or found
    return found


class Pattern:
    """A pattern, and how far it looks."""

    def __init__(self, text: str, within: int | None) -> None:
        """Raises ValueError."""
        try:
            anchored = check_pattern(text)
        except ValueError as error:
            raise ValueError(f'pattern "{text}": {error}') from error
        if not anchored and within is None:
            raise ValueError(f'pattern "{text}": neither anchored nor bounded')
        self.text = text
        self.within = MAX_OCTETS if within is None else within
        self._search = compiled(text).match if anchored else compiled(text).search

    def find(self, octets: bytes) -> tuple[int, int] | None:
        """Where it is found in a message."""
        found = self._search(octets[: self.within])
        return found.span() if found else None


class Patterns:
    """Patterns by number."""

    def __init__(self) -> None:
        self.all: list[Pattern] = []
        self._numbers: dict[tuple[str, int | None], int] = {}

    def add(self, text: str, within: int | None) -> int:
        """The number of a pattern, which is taken up when it is not there. Raises ValueError."""
        number = self._numbers.get((text, within))
        if number is None:
            self.all.append(Pattern(text, within))
            number = self._numbers[text, within] = len(self.all) - 1
        return number

    def search(self, octets: bytes, seen: int, hits: set[int]) -> None:
        """Note each pattern that is in the octets, of which the first `seen` were searched before."""
        for number, pattern in enumerate(self.all):
            if seen < pattern.within and number not in hits and pattern.find(octets) is not None:
                hits.add(number)
