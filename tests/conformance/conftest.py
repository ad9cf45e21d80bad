"""The `score` fixture (scores.py), and the page that its totals go to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.scores import Score, Scoring
from tests.conformance.trees import hardware

NOT_COMPARED = {
    "lldpd": "neighbours, which no sampler reads",
    "scapy-roce": "packets, which no sampler reads",
    "sonic-utilities": "tables that SONiC made of what it read on a switch: ready numbers, and no bytes or files of a "
    "kernel to read them from",
    "tcpdump-pcaps": "packets, which no sampler reads",
}
"""Sets that say nothing of what the samplers read, and what they hold."""

_SCORES: dict[str, list[Score]] = defaultdict(list)


@pytest.fixture
def score() -> Iterator[Scoring]:
    """Makes a Score for a set; skips the test where the set is not there."""
    made: list[Score] = []

    def scoring(origin: str) -> Score:
        hardware(origin)
        made.append(Score(origin))
        return made[-1]

    yield scoring
    for one in made:
        _SCORES[one.origin].append(one)
    for one in made:
        one.check()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-page", type=Path, help="write the scores to this page")


def pytest_sessionfinish(session: pytest.Session) -> None:
    page = session.config.getoption("--conformance-page", None)
    if page is not None:
        page.write_text(rendered(_SCORES), "utf-8")


def rendered(scores: dict[str, list[Score]]) -> str:
    """The page, from the scores by set."""
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance`. The samplers read recorded hardware of other projects (the trees and captures of",
        "`shared/data/hardware` beside the checkout, which are not part of this repository), and each value is",
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
