"""How many events of some kinds there were of a thing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from fabricscope.model import Event, Now, Severity
from probes.health.evidence.operand import Key, Operand
from probes.health.judging.judge import Judgement, Threshold
from probes.health.language.checks import Happened
from probes.health.language.vocabulary import duration_ns

MAX_TIMES = 256
"""Events of one thing that are counted; limits are far below."""
MAX_THINGS = 4096


class JudgeHappened:
    """Counts events."""

    def __init__(self, check: Happened, by: Sequence[str]) -> None:
        self._check = check
        self._by = tuple(by)
        self._severity = Severity[check.severity.upper()]
        self._window = duration_ns(check.window)
        self._threshold = Threshold(check.above, None, check.critical, by)
        self._times: dict[Key, deque[tuple[int, str, str]]] = {}
        self._ended: set[Key] = set()
        """Things of which is known that what came before does not count."""
        self._since: int | None = None
        """From when on events are heard."""

    def operands(self) -> Iterator[Operand]:
        """What its limits are made of: it reads no metric of the thing."""
        yield from self._threshold.operands()

    def kinds(self) -> tuple[str, ...]:
        """The events that it must hear of."""
        return (*self._check.events, *self._check.ended_by)

    def hear(self, event: Event, now: Now) -> Key | None:
        """Take in an event of one of its kinds; the thing that it is about, None when it is about none."""
        told = {**event.attributes, **event.subject}
        if any(label not in told for label in self._by):
            return None
        key = tuple(told[label] for label in self._by)
        if event.kind in self._check.ended_by:
            self._times.pop(key, None)
            if len(self._ended) < MAX_THINGS:
                self._ended.add(key)
            return key
        if event.severity < self._severity:
            return None
        if any(told.get(name) not in values for name, values in self._check.attributes.items()):
            return None
        if key not in self._times and len(self._times) >= MAX_THINGS:
            return None
        self._times.setdefault(key, deque(maxlen=MAX_TIMES)).append((now.mono, event.message, told.get("action", "")))
        return key

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing."""
        self.listen(now)
        times = self._times.get(key, deque())
        while times and times[0][0] <= now.mono - self._window:
            times.popleft()
        if not times:
            self._times.pop(key, None)
        judgement = self._threshold.compare(float(len(times)), key, now)._replace(open=bool(times))
        whole = key in self._ended or now.mono - (self._since or 0) >= self._window
        # Without the whole window there may have been some before.
        return judgement if judgement.answer or whole else judgement._replace(answer=None)

    def listen(self, now: Now) -> None:
        """Events are heard from now on."""
        if self._since is None:
            self._since = now.mono

    def last(self, key: Key) -> str:
        """What the last event said; empty when there is none."""
        times = self._times.get(key)
        return times[-1][1] if times else ""

    def action(self, key: Key) -> str:
        """What the last event told to do; empty when it did not."""
        times = self._times.get(key)
        return times[-1][2] if times else ""
