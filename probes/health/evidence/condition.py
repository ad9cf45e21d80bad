"""Whether a condition holds for a thing: yes, no, or it cannot be told (None)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from probes.health.evidence.operand import Key, Operand, Wake
from probes.health.language.vocabulary import Condition


class Asked:
    """A condition with the series that answer it."""

    def __init__(self, condition: Condition, by: Sequence[str], wake: Wake | None = None) -> None:
        self._condition = condition
        self._any = [Asked(each, by, wake) for each in condition.any]
        self._operand = None if condition.metric is None else Operand(condition.source(), by, wake=wake)

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        if self._operand is not None:
            yield self._operand
        for each in self._any:
            yield from each.operands()

    def holds(self, key: Key, now: int) -> bool | None:
        """The answer for a thing."""
        if self._operand is None:
            return one_of(each.holds(key, now) for each in self._any)
        above, below = self._condition.above, self._condition.below
        value = self._operand.read(key, now)
        if above is None and below is None:
            # A series that is not there is an answer; one that cannot be read is none.
            return (True if value is not None else None) if self._operand.tracks(key) else False
        if value is None:
            return None
        return (above is None or value > above) and (below is None or value < below)


def one_of(answers: Iterable[bool | None]) -> bool | None:
    """Yes when one answer is yes; no when all are no."""
    known = list(answers)
    return True if True in known else None if None in known else False


def all_of(conditions: Iterable[Asked], key: Key, now: int) -> bool | None:
    """No when one condition does not hold; yes when all do."""
    result: bool | None = True
    for condition in conditions:
        answer = condition.holds(key, now)
        if answer is False:
            return False
        if answer is None:
            result = None
    return result
