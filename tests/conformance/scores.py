"""What is made of recorded hardware and captures, compared value by value with what other programs make of it.

A test compares through the `score` fixture, which names the set (a directory of shared/data/hardware, or such as
`captures/ndpi`):

    def test_modules(score: Scoring) -> None:
        fboss = score("fboss-eeprom")
        fboss.compare("Cmis200G temperature", ours, theirs)
        fboss.differs("Cmis200G lane 3 bias", ours, theirs, "the other program ignores the multiplier of byte 160")

What is an opinion is counted by `labels` instead: what flows are called, by protocol (`Labels`).

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


@dataclass
class LabelCount:
    """Flows of one protocol by what they were called."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0

    @property
    def flows(self) -> int:
        """All of them."""
        return self.right + self.wrong + self.unknown

    def add(self, other: LabelCount) -> None:
        """Count those of another one too."""
        self.right += other.right
        self.wrong += other.wrong
        self.unknown += other.unknown


@dataclass
class Labels:
    """What flows of a set are called, by the protocol that the other program takes them for."""

    origin: str
    by_protocol: dict[str, LabelCount] = field(default_factory=dict)
    unlabelled: LabelCount = field(default_factory=LabelCount)
    """Flows that the other program does not know: right when they have no name here either."""

    def count(self, protocol: str, label: str, *, right: bool) -> None:
        """Count a flow; the label is empty when it has none."""
        count = self.by_protocol.setdefault(protocol, LabelCount())
        if right:
            count.right += 1
        elif label:
            count.wrong += 1
        else:
            count.unknown += 1

    @property
    def all(self) -> LabelCount:
        """Of every protocol."""
        total = LabelCount()
        for count in self.by_protocol.values():
            total.add(count)
        return total

    @property
    def recall(self) -> float:
        """Which part of the flows is called right."""
        return self.all.right / self.all.flows

    @property
    def precision(self) -> float:
        """Which part of the names that were given is right."""
        return self.all.right / (self.all.right + self.all.wrong)


Scoring = Callable[[str], Score]
Labelling = Callable[[str], Labels]
"""The `labels` fixture."""
