"""A rule at work: its question put to each thing that it is about, when there is cause to ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from fabricscope.model import Event, Now, Severity
from probes.health.evidence.condition import Asked, all_of
from probes.health.evidence.operand import Key, Operand
from probes.health.judging.forecast import JudgeForecast
from probes.health.judging.happened import JudgeHappened
from probes.health.judging.judge import (
    Judge,
    JudgeFlaps,
    JudgeGrowth,
    JudgePeers,
    JudgeSaturated,
    JudgeValue,
)
from probes.health.judging.lifecycle import Cell, Patience, Phase, Step
from probes.health.language.checks import Flaps, Forecast, Happened, Peers, Saturated, Value
from probes.health.language.rule import Rule
from probes.health.language.vocabulary import duration_ns

MAX_CELLS = 10_000
"""Things that one rule is asked about; more are left out, and counted."""


class Change(NamedTuple):
    """What happened to the verdict of one rule on one thing."""

    inquiry: Inquiry
    cell: Cell
    step: Step
    reason: str
    """For a verdict that cleared: why."""


class Inquiry:
    """Knows the things of one rule, and asks about those of which something changed or is not settled."""

    def __init__(self, rule: Rule, first_due: float = 0.0, awake: set[str] | None = None) -> None:
        """`first_due` is a part (0 to 1) of the time between two evaluations: rules take turns by it.

        The rule's name is in `awake` while there is something to ask.
        """
        self._awake: set[str] = set() if awake is None else awake
        self.rule = rule
        self.cells: dict[Key, Cell] = {}
        self.left_out = 0
        self._patience = Patience(duration_ns(rule.hold), duration_ns(rule.hold_down))
        self._every = rule.every_ns
        self._offset = int(self._every * first_due)
        self._due = 0
        # In the order in which they changed, so that the same evidence gives the same events in the same order.
        self._changed: dict[Key, None] = {}
        self._open: dict[Key, None] = {}
        self.judge: Judge = self._made()
        self._primary = [operand for operand in self.judge.operands() if operand.primary]
        self._where = [Asked(condition, rule.by, self.wake) for condition in rule.where]
        self._given = [Asked(condition, rule.by, self.wake) for condition in rule.given]
        self.shows = [Operand(source, rule.by) for source in rule.shows]

    def operands(self) -> Iterator[Operand]:
        """Every metric that the rule reads."""
        yield from self.judge.operands()
        for asked in (*self._where, *self._given):
            yield from asked.operands()
        yield from self.shows

    def wake(self, key: Key | None) -> None:
        """Ask again about a thing; about all when None."""
        self._awake.add(self.rule.name)
        if key is None:
            self._changed.update(dict.fromkeys(self.cells))
        elif key in self.cells or self._add(key):
            self._changed[key] = None

    def hear(self, event: Event, now: Now) -> None:
        """An event of a kind that the rule counts."""
        if isinstance(self.judge, JudgeHappened) and (key := self.judge.hear(event, now)) is not None:
            self.wake(key)

    def is_due(self, now: int) -> bool:
        """Whether it is time to ask, if there is something to ask."""
        return now >= self._due

    def ask(self, now: Now, is_heard: Callable[[str], bool], *, everything: bool = False) -> list[Change]:
        """Ask about what changed and what is not settled. `is_heard` says whether a sampler has given anything."""
        keys = list(self.cells) if everything else list(self._changed | self._open)
        self._due = now.mono + self._every + self._offset
        self._offset = 0
        self._changed.clear()
        changes = []
        for key in keys:
            cell = self.cells.get(key)
            if cell is not None and (change := self._ask(cell, now, is_heard)) is not None:
                changes.append(change)
        if not self._open and not self._changed:
            self._awake.discard(self.rule.name)
        return changes

    def has(self, key: Key) -> bool:
        """Whether there are series of a thing."""
        return any(operand.tracks(key) for operand in self._primary)

    def sampler(self, key: Key) -> str:
        """Where the values of a thing come from; empty when nothing of it is read."""
        for operand in self._primary:
            if tracks := operand.tracks(key):
                return tracks[0].feed.sampler
        return ""

    def known(self, now: Now) -> tuple[int, int]:
        """How many things there are, and for how many of them there is an answer."""
        things, known = len(self.cells), 0
        for key, cell in self.cells.items():
            if cell.judgement.answer is None and cell.phase is Phase.QUIET:
                # It may have become one by the mere passing of time.
                cell.judgement = self.judge.judge(key, now)
            if cell.judgement.answer is not None:
                known += 1
            elif not self.is_about(key, now):
                things -= 1
        return things, known

    def examined(self, now: Now) -> Counter[str]:
        """Of how many things of each sampler there are values, where the rule is about them."""
        if isinstance(self.judge, JudgeHappened):
            return Counter()
        return Counter(
            sampler
            for key, cell in self.cells.items()
            if self._is_read(key, now) and self.is_about(key, now) and (sampler := self.sampler(key))
        )

    def _is_read(self, key: Key, now: Now) -> bool:
        return any(operand.is_read(key, now.mono) for operand in self._primary)

    def is_about(self, key: Key, now: Now) -> bool:
        """Whether the rule's conditions hold for a thing, or might."""
        return all_of(self._where, key, now.mono) is not False

    def restore(self, key: Key, severity: Severity, since: int, clear_since: int | None, now: Now) -> Cell | None:
        """Go on with a verdict from before a restart; None when there is no room for it."""
        if key not in self.cells and not self._add(key):
            return None
        self.cells[key].restore(severity, since, clear_since, now.mono)
        self._open[key] = None
        self._awake.add(self.rule.name)
        return self.cells[key]

    def _ask(self, cell: Cell, now: Now, is_heard: Callable[[str], bool]) -> Change | None:
        key, reason = cell.key, "the cause is gone"
        judgement = self.judge.judge(key, now)
        is_gone = judgement.answer is None and self._is_gone(cell, is_heard)
        if is_gone and cell.phase is Phase.RAISED:
            judgement, reason = judgement._replace(answer=self.rule.gone == "keep"), "it is no longer there"
        elif judgement.answer is not False and self._where:
            held = all_of(self._where, key, now.mono)
            if held is not True:
                judgement = judgement._replace(answer=False if held is False else None)
                reason = "the rule no longer applies to it"
        cell.withheld = False
        if judgement.answer and self._given and cell.phase is not Phase.RAISED:
            judgement = judgement._replace(answer=all_of(self._given, key, now.mono))
            cell.withheld = not judgement.answer
        severity = Severity.CRITICAL if judgement.critical else self.rule.level
        step = cell.advance(judgement, severity, now.mono, now.wall, self._patience)
        if step is Step.CLEARED and judgement.answer is None:
            reason = "nothing could be told of it for a day"
        if cell.phase is not Phase.QUIET or (judgement.open and not is_gone):
            self._open[key] = None
        else:
            self._open.pop(key, None)
            if is_gone:
                self._forget(key)
        return None if step is Step.NOTHING else Change(self, cell, step, reason)

    def _is_gone(self, cell: Cell, is_heard: Callable[[str], bool]) -> bool:
        """Whether a thing's sampler works and does not have it."""
        if isinstance(self.judge, JudgeHappened) or self.has(cell.key):
            return False
        return not cell.sampler or is_heard(cell.sampler)

    def _forget(self, key: Key) -> None:
        self.cells.pop(key, None)
        if isinstance(self.judge, JudgeForecast):
            self.judge.forget(key)

    def _add(self, key: Key) -> bool:
        if len(self.cells) >= MAX_CELLS:
            self.left_out += 1
            return False
        self.cells[key] = Cell(key)
        return True

    def _made(self) -> Judge:
        check, by = self.rule.check, self.rule.by
        if isinstance(check, Value):
            return JudgeValue(check, by, self.wake)
        if isinstance(check, Peers):
            return JudgePeers(check, by, self.wake, self.is_about)
        if isinstance(check, Flaps):
            return JudgeFlaps(check, by, self.wake)
        if isinstance(check, Saturated):
            return JudgeSaturated(check, by, self.wake)
        if isinstance(check, Forecast):
            return JudgeForecast(check, by, self.wake)
        if isinstance(check, Happened):
            return JudgeHappened(check, by)
        return JudgeGrowth(check, by, self.wake)
