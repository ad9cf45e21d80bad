"""What the samplers make of recorded hardware, compared value by value with what other programs make of it.

A test compares through the `score` fixture, which names the set (a directory of shared/data/hardware):

    def test_modules(score: Scoring) -> None:
        fboss = score("fboss-eeprom")
        fboss.compare("Cmis200G temperature", ours, theirs)
        fboss.differs("Cmis200G lane 3 bias", ours, theirs, "the other program ignores the multiplier of byte 160")

`make conformance` writes the totals to docs/reference/conformance.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Known(NamedTuple):
    """A value that differs for a reason that is ours to defend."""

    what: str
    reason: str


@dataclass
class Score:
    """The comparisons of one set by one test."""

    origin: str
    equal: int = 0
    known: list[Known] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def compare(self, what: str, ours: Any, theirs: Any) -> None:
        """Count a comparison; one that is not equal fails the test at its end, with all the others that are not."""
        if ours == theirs:
            self.equal += 1
        else:
            self.wrong.append(f"{what}: {ours!r} here, {theirs!r} expected")

    def differs(self, what: str, ours: Any, theirs: Any, reason: str) -> None:
        """Count a value that is known to differ, and why; one that does not (any more) fails the test at its end."""
        if ours == theirs:
            self.wrong.append(f"{what}: {ours!r} on both sides, although it is to differ: {reason}")
        else:
            self.known.append(Known(what, reason))

    def check(self) -> None:
        """Fail when anything is unequal, or nothing was compared."""
        assert not self.wrong, f"{self.origin}: {len(self.wrong)} are not as they should be:\n  " + "\n  ".join(
            self.wrong[:20]
        )
        assert self.equal, f"{self.origin}: nothing was compared"


Scoring = Callable[[str], Score]
