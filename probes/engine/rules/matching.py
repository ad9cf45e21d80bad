"""Which rules hold of what is known of a flow so far, and which of them wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probes.engine.flows.single import single
from probes.engine.rules.extract import Sides, extract
from probes.engine.rules.inspection import FlowFacts, Inspection, Match
from probes.engine.rules.program import Alternative, Program, Programs, Rule, Test
from probes.engine.rules.sides import SideOctets

SWAPPED = single(0.95)
"""What is left of the confidence when the sides had to be swapped."""


class Asked(NamedTuple):
    """Everything that a question needs."""

    programs: Programs
    program: Program
    facts: FlowFacts

    def alternative(self, found: Match) -> Alternative:
        """What matched."""
        return self.program.alternatives[found.alternative]

    def rule(self, found: Match) -> Rule:
        """The rule that matched."""
        return self.programs.rules[self.alternative(found).rule]

    def evaluate(self, inspection: Inspection, *, later: bool) -> None:
        """Bring the matches up to what is known now.

        `later`: nothing but a datagram that is not its side's first is new.
        """
        candidates = set(self.program.always)
        for side in inspection.sides:
            for hits in side.hits:
                for pattern in hits:
                    candidates.update(self.program.triggers.get(pattern, ()))
        if later:
            candidates &= self.program.later
        self._drop_undone(inspection)
        self._pass(inspection, sorted(candidates), swapped=False)
        if any(not found.swapped for found in inspection.matches):
            inspection.matches = [found for found in inspection.matches if not found.swapped]
        elif not self.facts.opened:
            self._pass(inspection, sorted(candidates & self.program.sided), swapped=True)

    def _drop_undone(self, inspection: Inspection) -> None:
        """A match stays unless a `not` has come to hold, an `every` no longer does, or what it refines has gone."""
        matches = [found for found in inspection.matches if self._stays(found, inspection)]
        while len(matches) > 1:
            kept = [found for found in matches if self._founded(self.rule(found), matches, swapped=found.swapped)]
            if len(kept) == len(matches):
                break
            matches = kept
        inspection.matches = matches

    def _stays(self, found: Match, inspection: Inspection) -> bool:
        alternative = self.alternative(found)
        every = [test for test in alternative.tests if test.which == "every"]
        return self._all(every, inspection, swapped=found.swapped) and not self._refused(
            alternative, inspection, swapped=found.swapped
        )

    def _founded(self, rule: Rule, matches: Iterable[Match], *, swapped: bool) -> bool:
        """Whether a rule refines nothing, or something that matched."""
        return not rule.refines or any(
            other.swapped == swapped and self.alternative(other).rule in rule.refines for other in matches
        )

    def _pass(self, inspection: Inspection, candidates: Iterable[int], *, swapped: bool) -> None:
        for index in candidates:
            found = self._ask(index, inspection, swapped=swapped)
            if found is not None:
                inspection.matches.append(found)

    def _ask(self, index: int, inspection: Inspection, *, swapped: bool) -> Match | None:
        alternative = self.program.alternatives[index]
        rule = self.programs.rules[alternative.rule]
        matches = inspection.matches
        if (
            alternative.packets > inspection.packets
            or any(found.alternative == index and found.swapped == swapped for found in matches)
            or not self._founded(rule, matches, swapped=swapped)
            or not self._all(alternative.tests, inspection, swapped=swapped)
        ):
            return None
        hinted = rule.hinted(self.facts)
        if (
            (alternative.ports_required and not hinted)
            or self._refused(alternative, inspection, swapped=swapped)
            or not self._fields_fit(alternative.rule, inspection, swapped=swapped)
        ):
            return None
        return Match(index, swapped, inspection.packets, confidence(alternative, hinted=hinted, swapped=swapped))

    def _refused(self, alternative: Alternative, inspection: Inspection, *, swapped: bool) -> bool:
        return any(self._all(group, inspection, swapped=swapped) for group in alternative.refused)

    def _all(self, tests: Iterable[Test], inspection: Inspection, *, swapped: bool) -> bool:
        for test in tests:
            shown = [self.shows(test, side) is not None for side in looked_at(test, inspection, swapped=swapped)]
            if not (all(shown) if test.side == "both" else any(shown)):
                return False
        return True

    def shows(self, test: Test, side: SideOctets) -> int | None:
        """The message of a side of which a test holds."""
        count = side.messages()
        if test.which == "every":
            return 0 if count and all(self._fits(test, side, index) for index in range(count)) else None
        if test.which == "first":
            count = min(count, 1)
        return next((index for index in range(count) if self._fits(test, side, index)), None)

    def _fits(self, test: Test, side: SideOctets, index: int) -> bool:
        if test.patterns and (index >= len(side.hits) or side.hits[index].isdisjoint(test.patterns)):
            return False
        if not test.checks:
            return True
        message = side.message(index)
        if message is None:
            return False
        if test.within is not None:
            message = message._replace(octets=message.octets[: test.within])
        return all(check.holds(message) for check in test.checks)

    def _fields_fit(self, number: int, inspection: Inspection, *, swapped: bool) -> bool:
        wanted = self.programs.rules[number].fields
        if not wanted:
            return True
        found = self.extracted(number, inspection, swapped=swapped)
        return all(
            any(field == name and any(pattern.search(value.encode()) for pattern in patterns) for field, value in found)
            for name, patterns in wanted
        )

    def extracted(self, number: int, inspection: Inspection, *, swapped: bool) -> list[tuple[str, str]]:
        """The fields that a rule's extractor finds, and those of what it refines."""
        client, server = reversed(inspection.sides) if swapped else inspection.sides
        sides = Sides(client.octets, server.octets, self.facts.protocol == 6)
        own = self.programs.rules[number]
        matched = {self.alternative(found).rule for found in inspection.matches}
        asked = [own, *(self.programs.rules[each] for each in own.ancestors if each in matched)]
        names = dict.fromkeys(rule.extract for rule in asked if rule.extract is not None)
        return [pair for name in names for pair in extract(name, sides)]

    def winner(self, inspection: Inspection) -> Match | None:
        """The best match that no other one refines."""
        return next(iter(self.ranked(inspection.matches)), None)

    def ranked(self, matches: Sequence[Match]) -> list[Match]:
        """Those that no other one refines, the better one first: by confidence, then ports, then name.

        A match stands as high as what it refines, if that is higher.
        """

        def place(found: Match) -> tuple[float, bool, str]:
            rule = self.rule(found)
            refined = [each.confidence for each in matches if self.alternative(each).rule in rule.ancestors]
            return -max(found.confidence, *refined, 0.0), not rule.hinted(self.facts), rule.name

        ancestors = {each for other in matches for each in self.rule(other).ancestors}
        return sorted((found for found in matches if self.alternative(found).rule not in ancestors), key=place)

    def may_be_beaten(self, found: Match, inspection: Inspection) -> bool:
        """Whether an alternative that needs more packets might beat this confidence."""
        for index in self.program.patient:
            alternative = self.program.alternatives[index]
            rule = self.programs.rules[alternative.rule]
            hinted = rule.hinted(self.facts)
            if (
                alternative.packets > inspection.packets
                and (hinted or not alternative.ports_required)
                and not rule.refines
                and confidence(alternative, hinted=hinted, swapped=False) > found.confidence
            ):
                return True
        return False


def looked_at(test: Test, inspection: Inspection, *, swapped: bool) -> Sequence[SideOctets]:
    """The sides that a test looks at."""
    if test.side in ("either", "both"):
        return inspection.sides
    return inspection.sides[:1] if (test.side == "client") != swapped else inspection.sides[1:]


def confidence(alternative: Alternative, *, hinted: bool, swapped: bool) -> float:
    """On one of the rule's ports half of the doubt goes; a confidence that needs the port has it counted already."""
    own = single(alternative.confidence * SWAPPED) if swapped else alternative.confidence
    if hinted and not alternative.ports_required:
        return single(1.0 - single(1.0 - own) / 2.0)
    return own
