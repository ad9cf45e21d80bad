"""The `score` fixture (scores.py), and the page that its totals go to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conformance.scores import Labelling, Labels, Score, Scoring
from tests.conformance.trees import recording

NOT_COMPARED = {
    "lldpd": "neighbours, which no sampler reads",
    "sonic-utilities": "tables that SONiC made of what it read on a switch: ready numbers, and no bytes or files of a "
    "kernel to read them from",
}
"""Sets that say nothing of what is read here, and what they hold."""

_SCORES: dict[str, list[Score]] = defaultdict(list)
_LABELS: list[Labels] = []


@pytest.fixture
def score() -> Iterator[Scoring]:
    """Makes a Score for a set; skips the test where the set is not there."""
    made: list[Score] = []

    def scoring(origin: str) -> Score:
        recording(origin if "/" in origin else f"hardware/{origin}")
        made.append(Score(origin))
        return made[-1]

    yield scoring
    for one in made:
        _SCORES[one.origin].append(one)
    for one in made:
        one.check()


@pytest.fixture
def labels() -> Labelling:
    """Makes Labels for a set; skips the test where the set is not there."""

    def labelling(origin: str) -> Labels:
        recording(origin)
        _LABELS.append(Labels(origin))
        return _LABELS[-1]

    return labelling


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-page", type=Path, help="write the scores to this page")


def pytest_sessionfinish(session: pytest.Session) -> None:
    page = session.config.getoption("--conformance-page", None)
    if page is not None:
        page.write_text(rendered(_SCORES, _LABELS), "utf-8")


def rendered(scores: dict[str, list[Score]], labels: Iterable[Labels] = ()) -> str:
    """The page, from the scores by set."""
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance`. The samplers read recorded hardware of other projects, and the flow engine their",
        "captures (`shared/data` beside the checkout, which is not part of this repository), and each value is",
        "compared with what those projects' own programs or tests say of it. A value that differs for a reason is",
        "listed below. Where a set is not there its tests are skipped by its name, and it has no row here.",
        "",
        "| set | values compared | equal | known to differ |",
        "|---|---|---|---|",
    ]
    for origin, parts in sorted(scores.items()):
        equal, known = sum(part.equal for part in parts), sum(len(part.known) for part in parts)
        wrong = sum(len(part.wrong) for part in parts)
        lines.append(f"| {origin} | {equal + known + wrong} | {equal} | {known} |")
    lines += ["", "Not compared:", "", *(f"- {origin}: {what}." for origin, what in NOT_COMPARED.items())]
    for each in labels:
        lines += ["", *_labelled(each)]
    reasons = {
        (origin, reason): [what for part in parts for what, why in part.known if why == reason]
        for origin, parts in sorted(scores.items())
        for reason in dict.fromkeys(why for part in parts for _, why in part.known)
    }
    if reasons:
        lines += ["", "## Known to differ", ""]
    for (origin, reason), whats in reasons.items():
        more = ", ..." if whats[3:] else ""
        lines.append(f"- {origin}, {len(whats)} values ({', '.join(whats[:3])}{more}): {reason}")
    return "\n".join(lines) + "\n"


def _labelled(labels: Labels) -> list[str]:
    """How well flows are called."""
    unlabelled = labels.unlabelled
    return [
        f"## Labels of {labels.origin}",
        "",
        f"Recall {labels.recall:.1%}, precision {labels.precision:.1%}, of {labels.all.flows} flows whose payload told",
        "the other program what they are, and that have a label here or should have one, since some rule is for their",
        f"protocol. Of {unlabelled.flows} flows that it does not know, {unlabelled.unknown} have no label here either.",
        "",
        "| protocol | flows | right | wrong | unknown |",
        "|---|---|---|---|---|",
        *(
            f"| {protocol} | {count.flows} | {count.right} | {count.wrong} | {count.unknown} |"
            for protocol, count in sorted(labels.by_protocol.items())
        ),
    ]
