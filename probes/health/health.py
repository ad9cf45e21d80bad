"""Health: what was sampled and what happened in, verdicts out. Pure: time, evidence and rules are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fabricscope.model import Event, Now, Sampled, Severity
from probes.health.evidence.evidence import Evidence
from probes.health.evidence.long_pasts import LongPasts
from probes.health.judging import verdict
from probes.health.judging.forecast import JudgeForecast, Saved
from probes.health.judging.happened import JudgeHappened
from probes.health.judging.inquiry import Change, Inquiry
from probes.health.judging.lifecycle import Phase, Step
from probes.health.judging.verdict import Verdict
from probes.health.language import wording
from probes.health.language.checks import Happened
from probes.health.language.rule import Rule
from probes.health.language.vocabulary import SECOND
from probes.health.state import MAX_VERDICTS, MAX_WITHHELD, Pasts, State, TrendPast, Unjudged, Withheld

RULE_GONE = "its rule is no longer in force"


class Health:
    """Follows the evidence and keeps the verdicts of one host."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        count = max(len(rules), 1)
        self._awake: set[str] = set()
        """Rules that have something to ask."""
        self._inquiries = {rule.name: Inquiry(rule, place / count, self._awake) for place, rule in enumerate(rules)}
        self._all = tuple(self._inquiries.values())
        self.evidence = Evidence(operand for inquiry in self._all for operand in inquiry.operands())
        self._hearing: dict[str, list[Inquiry]] = {}
        for inquiry in self._all:
            if isinstance(inquiry.judge, JudgeHappened):
                for kind in inquiry.judge.kinds():
                    self._hearing.setdefault(kind, []).append(inquiry)
        self._pasts = LongPasts()
        self._orphans: list[Verdict] = []
        """Verdicts from before a restart whose rule is gone; they are cleared at the next opportunity."""
        self._raised: dict[tuple[str, tuple[str, ...]], Inquiry] = {}
        self._started: Now | None = None
        self.evaluations = 0
        """Times that a rule looked at its things."""
        self.told: dict[str, int] = dict.fromkeys(("raised", "changed", "cleared"), 0)
        """Events made, by the last word of their kind."""
        self.suppressed = 0
        """Verdicts that were not raised because MAX_VERDICTS are active."""

    def observe(
        self, sampled: Sequence[Sampled], events: Sequence[Event], now: Now, *, everything: bool = False
    ) -> list[Event]:
        """Take in what was sampled and what happened, and tell what became of verdicts.

        `everything` asks all rules about all things, whether anything changed or not.
        """
        if self._started is None:
            self._started = now
            for listening in self._hearing.values():
                for inquiry in listening:
                    if isinstance(inquiry.judge, JudgeHappened):
                        inquiry.judge.listen(now)
        for each in sampled:
            self.evidence.take(each, now.mono)
            if self.evidence.added or self.evidence.removed:
                self._pasts.follow(self.evidence, now)
        if everything:
            self.evidence.settle(now.mono)
        for event in events:
            for inquiry in self._hearing.get(event.kind, ()):
                inquiry.hear(event, now)
        return [*self._bury_orphans(now), *self._ask(now, everything=everything)]

    def verdicts(self, now: Now) -> list[Verdict]:
        """The active verdicts with their present evidence, worst and oldest first."""
        active = [
            verdict.verdict(inquiry, inquiry.cells[key], now)
            for (_, key), inquiry in self._raised.items()
            if key in inquiry.cells
        ]
        return sorted(active, key=lambda each: (-Severity[each.severity.upper()], each.since_unix_ns, each.rule))

    def unjudged(self, now: Now) -> list[Unjudged]:
        """Rules that have things here of which nothing can be told at present."""
        found = []
        for inquiry in self._all:
            if isinstance(inquiry.rule.check, Happened):
                continue
            things, known = inquiry.known(now)
            if known < things:
                found.append(Unjudged(inquiry.rule.name, things, known))
        return found

    def examined(self, now: Now) -> dict[str, int]:
        """Of how many things of each sampler there are values, by the rule that is asked of most of them."""
        most: dict[str, int] = {}
        for inquiry in self._all:
            for sampler, count in inquiry.examined(now).items():
                most[sampler] = max(most.get(sampler, 0), count)
        return dict(sorted(most.items()))

    def withheld(self) -> list[Withheld]:
        """Things of which a check says yes, that no verdict is about, and that are not judged."""
        known = {tuple(zip(inquiry.rule.by, key, strict=True)) for (_, key), inquiry in self._raised.items()}
        found: list[Withheld] = []
        for inquiry in self._all:
            rule = inquiry.rule
            for key in [key for key, cell in inquiry.cells.items() if cell.withheld]:
                subject = tuple(zip(rule.by, key, strict=True))
                if subject not in known and len(found) < MAX_WITHHELD:
                    asked = "; ".join(map(wording.condition, rule.given))
                    reason = f"it is only wrong here if {asked}"
                    found.append(Withheld(rule.name, dict(subject), rule.summary, reason))
        return found

    def things(self) -> dict[str, int]:
        """How many things each rule is asked about."""
        return {inquiry.rule.name: len(inquiry.cells) for inquiry in self._all}

    @property
    def left_out(self) -> int:
        """Series and things that are not followed for want of room."""
        return self.evidence.left_out + sum(inquiry.left_out for inquiry in self._all)

    # --- over a restart

    def state(self, now: Now, unjudged: Sequence[Unjudged] = (), examined: Mapping[str, int] | None = None) -> State:
        """The active verdicts, for a restart and for others to read; `examined` when it is known already."""
        return State(
            written_unix_ns=max(now.wall, 0),
            started_unix_ns=max((self._started or now).wall, 0),
            rules=len(self.rules),
            verdicts=tuple(self.verdicts(now)),
            unjudged=tuple(unjudged),
            samplers=tuple(sorted(self.evidence.samplers)),
            examined=self.examined(now) if examined is None else dict(examined),
            withheld=tuple(self.withheld()),
        )

    def pasts(self, now: Now) -> Pasts:
        """What took long to learn, for a restart."""
        trends = [
            TrendPast(inquiry.rule.name, saved.key, tuple((max(at, 0), mean) for at, mean in saved.parts))
            for inquiry in self._all
            if isinstance(inquiry.judge, JudgeForecast)
            for saved in inquiry.judge.saved(now)
        ]
        gauges = self._pasts.saved(self.evidence.tracks.values(), now)
        return Pasts(written_unix_ns=max(now.wall, 0), trends=tuple(trends), gauges=tuple(gauges))

    def restore(self, state: State | None, pasts: Pasts | None, now: Now) -> None:
        """Go on from what a probe before this one knew; called once, before the first `observe`."""
        for known in () if state is None else state.verdicts:
            if not self._restore(known, now):
                self._orphans.append(known)
        if pasts is None:
            return
        for trend in pasts.trends:
            inquiry = self._inquiries.get(trend.rule)
            if (
                inquiry is not None
                and isinstance(inquiry.judge, JudgeForecast)
                and len(trend.key) == len(inquiry.rule.by)
            ):
                inquiry.judge.restore(Saved(trend.key, list(trend.parts)), now)
        self._pasts.restore(pasts.gauges)

    def _restore(self, known: Verdict, now: Now) -> bool:
        inquiry = self._inquiries.get(known.rule)
        if (
            inquiry is None
            or set(inquiry.rule.by) != set(known.subject)
            or known.severity.upper() not in Severity.__members__
        ):
            return False
        key = tuple(known.subject[label] for label in inquiry.rule.by)
        clearing = known.clearing_since_unix_ns
        # A wall clock that was set back must not make a hold-down endless, nor one set forward end it.
        clear_since = None if clearing is None else now.mono - min(max(now.wall - clearing, 0), 86400 * SECOND)
        cell = inquiry.restore(key, Severity[known.severity.upper()], known.since_unix_ns, clear_since, now)
        if cell is None:
            return False
        cell.sampler = known.sampler
        cell.worst = cell.judgement._replace(value=known.value, limit=known.limit)
        cell.judgement = cell.worst if known.present is None else cell.worst._replace(value=known.present)
        self._raised[known.rule, key] = inquiry
        return True

    def _bury_orphans(self, now: Now) -> Iterable[Event]:
        orphans, self._orphans = self._orphans, []
        self.told["cleared"] += len(orphans)
        return [verdict.buried(known, RULE_GONE, now) for known in orphans]

    # --- asking

    def _ask(self, now: Now, *, everything: bool) -> list[Event]:
        told = []
        is_heard = self.evidence.samplers.__contains__
        # In the order of the rules, so that the same evidence gives the same events in the same order.
        names = self._inquiries if everything else [name for name in self._inquiries if name in self._awake]
        for inquiry in map(self._inquiries.__getitem__, names):
            if everything or inquiry.is_due(now.mono):
                self.evaluations += 1
                for change in inquiry.ask(now, is_heard, everything=everything):
                    told += self._follow(change, now)
        return told

    def _follow(self, change: Change, now: Now) -> list[Event]:
        inquiry, cell, step, _ = change
        place = inquiry.rule.name, cell.key
        if step is Step.RAISED:
            if len(self._raised) >= MAX_VERDICTS:
                self.suppressed += 1
                cell.phase = Phase.QUIET
                return []
            self._raised[place] = inquiry
            cell.sampler = inquiry.sampler(cell.key)
        told = verdict.event(change, now)
        if step is Step.CLEARED:
            self._raised.pop(place, None)
        self.told[step.value] += 1
        return [told]
