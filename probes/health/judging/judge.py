"""What a check answers for a thing: yes, no, or that it cannot be told. One class for each kind of check.

A check that looks at counters says yes as soon as it has seen enough, and no only after a whole window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple, Protocol

from fabricscope.model import Now, Quality
from probes.health.evidence.operand import Bound, Key, Operand, Wake, grown_together
from probes.health.language.checks import Flaps, Increase, Peers, Rate, Ratio, Saturated, Value
from probes.health.language.vocabulary import SECOND, Limit, Source, duration_ns


class Judgement(NamedTuple):
    """What a check answers at one time."""

    answer: bool | None
    """None when it cannot be told."""
    value: float | None = None
    limit: float | None = None
    critical: bool = False
    """Whether even the critical limit is passed."""
    open: bool = False
    """Whether the answer may become another one although no value changes."""


UNKNOWN = Judgement(None)


class Judge(Protocol):
    """Answers for things by their keys."""

    def operands(self) -> Iterator[Operand]:
        """Every metric it reads, those that make the things first."""
        ...

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing at `now`."""
        ...


class Threshold:
    """A limit with its direction, and the critical one beyond it."""

    def __init__(self, above: Limit | None, below: Limit | None, critical: Limit | None, by: Sequence[str]) -> None:
        self.is_above = above is not None
        self._limit = Bound(above or below or Limit(value=0), by)
        self._critical = None if critical is None else Bound(critical, by)

    def wake_by(self, wake: Wake) -> None:
        """Tell of a limit that changes."""
        for factor in self._limit.factors:
            factor.wake = wake

    def operands(self) -> Iterator[Operand]:
        """What the limits are made of."""
        yield from self._limit.factors
        if self._critical is not None:
            yield from self._critical.factors

    def limit(self, key: Key, now: Now) -> float | None:
        """The limit of a thing."""
        return self._limit.read(key, now.mono)

    def compare(self, value: float, key: Key, now: Now) -> Judgement:
        """The answer for a value that is known."""
        limit = self.limit(key, now)
        if limit is None:
            return Judgement(None, value)
        if not self._is_beyond(value, limit):
            return Judgement(False, value, limit)
        critical = None if self._critical is None else self._critical.read(key, now.mono)
        return Judgement(True, value, limit, critical is not None and self._is_beyond(value, critical))

    def _is_beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.is_above else value < limit


class JudgeValue:
    """A gauge against a limit. Of several series of a thing the worst counts."""

    def __init__(self, check: Value, by: Sequence[str], wake: Wake) -> None:
        self._of = Operand(check.of, by, primary=True, wake=wake)
        self._threshold = Threshold(check.above, check.below, check.critical, by)
        self._threshold.wake_by(wake)
        self._pick: Callable[..., float] = max if self._threshold.is_above else min
        self._open = check.of.over != "latest"

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield self._of
        yield from self._threshold.operands()

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        value = self._of.read(key, now.mono, self._pick)
        judgement = UNKNOWN if value is None else self._threshold.compare(value, key, now)
        return judgement._replace(open=True) if self._open else judgement


class JudgeGrowth:
    """Counters' growth in a window: as it is, a second, or for each unit of other counters' growth."""

    def __init__(self, check: Increase | Rate | Ratio, by: Sequence[str], wake: Wake) -> None:
        window = duration_ns(check.window)
        self._of = [Operand(source, by, primary=True, counts=window, wake=wake) for source in check.of]
        self._factor = SECOND / window if isinstance(check, Rate) else 1.0
        self._per: list[Operand] = []
        self._minimum = 0.0
        if isinstance(check, Ratio):
            self._per = [Operand(source, by, counts=window) for source in check.per]
            self._minimum, self._factor = check.minimum, check.times
        self._threshold = Threshold(check.above, check.below, check.critical, by)

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield from self._of
        yield from self._per
        yield from self._threshold.operands()

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        grown = grown_together(self._of, key, now.mono)
        if grown is None:
            return UNKNOWN
        divisor = 1.0
        if self._per:
            per = grown_together(self._per, key, now.mono)
            if per is None or per.by < self._minimum:
                return Judgement(None, open=grown.by > 0)
            divisor = per.by
        judgement = self._threshold.compare(grown.by * self._factor / divisor, key, now)
        # What is not known of the window can only have added to it.
        certain = grown.whole or judgement.answer is self._threshold.is_above or bool(self._per and judgement.answer)
        return judgement if certain else judgement._replace(answer=None, open=grown.by > 0)


class JudgePeers:
    """A gauge against the same of other things on this host."""

    def __init__(self, check: Peers, by: Sequence[str], wake: Wake, is_asked: Callable[[Key, Now], bool]) -> None:
        """`is_asked` says whether the rule is about a thing: what it is not about is nobody's peer."""
        # One thing's value is every peer's concern.
        self._of = Operand(check.of, by, primary=True, wake=lambda _: wake(None))
        self._check = check
        self._within = [by.index(label) for label in check.within if label in by]
        alike = check.alike
        self._alike_by = () if alike is None else alike.by
        self._alike = None if alike is None else Operand(Source(metric=alike.metric), by, wake=lambda _: wake(None))
        self._is_asked = is_asked
        self._at = -1
        self._typical: dict[Key, float | None] = {}

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield self._of
        if self._alike is not None:
            yield self._alike

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        value = self._of.read(key, now.mono)
        if self._at != now.mono:
            self._at, self._typical = now.mono, self._compared(now)
        group = self._group(key)
        typical = None if group is None else self._typical.get(group)
        if value is None or typical is None:
            return Judgement(None, value)
        limit = typical * self._check.times
        return Judgement(value < limit, value, limit)

    def _group(self, key: Key) -> Key | None:
        """What the peers of a thing have in common with it; None when that is not known."""
        group = tuple([key[place] for place in self._within])
        if self._alike is None:
            return group
        for track in self._alike.tracks(key):
            spec, labels = track.series
            return group + tuple([labels[spec.labels.index(name)] for name in self._alike_by if name in spec.labels])
        return None

    def _compared(self, now: Now) -> dict[Key, float | None]:
        """What is usual in each group of peers."""
        groups: dict[Key, list[float]] = {}
        for key in self._of.things():
            value, group = self._of.read(key, now.mono), self._group(key)
            if value is not None and group is not None and self._is_asked(key, now):
                groups.setdefault(group, []).append(value)
        return {group: self._usual(values) for group, values in groups.items()}

    def _usual(self, values: list[float]) -> float | None:
        if len(values) < self._check.at_least:
            return None
        if self._check.than == "majority":
            value, count = Counter(values).most_common(1)[0]
            return value if 2 * count > len(values) else None
        return max(values) if self._check.than == "max" else median(values)


class JudgeFlaps:
    """Times that a link went down. Of several counters of the same the one that saw most counts."""

    def __init__(self, check: Flaps, by: Sequence[str], wake: Wake) -> None:
        window = duration_ns(check.window)
        self._downs = [Operand(source, by, primary=True, counts=window, wake=wake) for source in check.downs]
        self._changes = [Operand(source, by, primary=True, counts=window, wake=wake) for source in check.changes]
        self._threshold = Threshold(check.above, None, check.critical, by)

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield from self._downs
        yield from self._changes
        yield from self._threshold.operands()

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        downs = [operand.grown(key, now.mono) for operand in self._downs]
        changes = [operand.grown(key, now.mono) for operand in self._changes]
        found = [grown for grown in downs if grown is not None]
        # Down and up are two changes.
        found += [grown._replace(by=grown.by // 2) for grown in changes if grown is not None]
        if not found:
            return UNKNOWN
        judgement = self._threshold.compare(max(grown.by for grown in found), key, now)
        if judgement.answer is False and not any(grown.whole for grown in found):
            return judgement._replace(answer=None, open=bool(judgement.value))
        return judgement


class JudgeSaturated:
    """Counters at their ceiling; the value is how many."""

    def __init__(self, check: Saturated, by: Sequence[str], wake: Wake) -> None:
        self._of = [Operand(source, by, primary=True, wake=wake, of_values=False) for source in check.of]

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield from self._of

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        readable = [
            track
            for operand in self._of
            for track in operand.tracks(key)
            if track.is_counter and track.latest(now.mono) is not None
        ]
        full = sum(track.quality is Quality.SATURATED for track in readable)
        return Judgement(full > 0, float(full), 0.0) if readable else UNKNOWN
