"""How often flow labels are right, by the confidence that is stated with them.

    python -m tools.calibration

It asks the shipped rules about the flows of nDPI's captures (shared/data/captures/ndpi beside the checkout), and about
noise, and writes docs/reference/flow-confidence.md and its plot.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from fabricscope.flow import Classification
from tests.conformance.labelled import KNOWN, flows
from tests.conformance.metered import shipped
from tools.calibration_plot import Point, plot

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "flow-confidence.md"
PLOT = PAGE.with_suffix(".svg")
EDGES = (0.0, 0.8, 0.9, 0.94, 0.96, 0.98, 1.0)
"""Bins of stated confidence; a bin has its lower edge, the last one both."""
NOISE = 50_000
"""Flows of each kind of noise."""
FEW = 5
"""Of fewer cases nothing is said of a rule."""
_TCP, _UDP, _IPV4 = 6, 17, 0x0800
_Z = 1.96
_TEXT = (b"etaoinshrdlucmfwypvbgkjqxz ETAOINSHRDLU 0123456789.,:;/-_=<>\r\n" * 5)[:256]
_CLASSIFICATION = msgspec.msgpack.Decoder(Classification)


class Case(NamedTuple):
    """Verdicts of one rule, with one confidence, on flows of one protocol in one capture: they all say the same."""

    rule: str
    confidence: float
    flows: int
    right: float
    """Which part of the flows is called right."""


class Bin(NamedTuple):
    """Cases with about the same confidence."""

    low: float
    high: float
    cases: list[Case]

    @property
    def flows(self) -> int:
        """Of all cases."""
        return sum(case.flows for case in self.cases)

    @property
    def stated(self) -> float:
        """The mean of what is stated."""
        return sum(case.confidence for case in self.cases) / len(self.cases)

    @property
    def right(self) -> float:
        """Which part of the cases is right."""
        return sum(case.right for case in self.cases) / len(self.cases)


def interval(share: float, count: int) -> tuple[float, float]:
    """Where the true share lies in 95 of 100 times (E. B. Wilson, 1927)."""
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    middle, scale = share + _Z**2 / (2 * count), 1 + _Z**2 / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def labelled_cases() -> list[Case]:
    """Of the flows whose payload told nDPI what they are."""
    found: dict[tuple[str, str, str, float], list[bool]] = {}
    for flow in flows():
        ours, theirs = flow.ours, flow.theirs
        if ours.label and theirs.inspected and not theirs.undetected:
            key = (flow.capture, theirs.master, ours.rule, round(ours.confidence, 3))
            found.setdefault(key, []).append(flow.right)
    return [Case(rule, stated, len(right), sum(right) / len(right)) for (*_, rule, stated), right in found.items()]


def bins(cases: Iterable[Case]) -> list[Bin]:
    """Those that have a case."""
    made = [Bin(low, high, []) for low, high in itertools.pairwise(EDGES)]
    for case in cases:
        next(one for one in reversed(made) if one.low <= case.confidence).cases.append(case)
    return [one for one in made if one.cases]


def far_off(cases: Iterable[Case]) -> Iterator[tuple[str, int, float, float]]:
    """Rules whose statements lie above what their cases allow: cases, stated, right."""
    by_rule: dict[str, list[Case]] = {}
    for case in cases:
        by_rule.setdefault(case.rule, []).append(case)
    for rule, some in sorted(by_rule.items()):
        one = Bin(0, 1, some)
        if len(some) >= FEW and one.stated > interval(one.right, len(some))[1]:
            yield rule, len(some), one.stated, one.right


def noise(protocol: int, *, text: bool, count: int) -> Counter[tuple[str, float]]:
    """What is said of flows of four packets of random octets, or of random text: by rule and confidence."""
    chance = random.Random(protocol)  # noqa: S311 - it is to be the same each time
    found = Counter[tuple[str, float]]()
    for _ in range(count):
        payloads = [chance.randbytes(chance.randrange(16, 200)) for _ in range(4)]
        packets = [(nth % 2 == 0, each.translate(_TEXT) if text else each) for nth, each in enumerate(payloads)]
        ports = chance.randrange(1024, 65536), chance.randrange(1, 65536)
        said = _CLASSIFICATION.decode(shipped().classify((protocol, _IPV4, False), ports, packets, True))
        if said.label:
            found[said.rule, round(said.confidence, 2)] += 1
    return found


def page(cases: Sequence[Case], kinds: dict[str, Counter[tuple[str, float]]], count: int) -> str:
    """What was found, as Markdown."""
    unasked = sum(flow.theirs.master not in KNOWN and not flow.ours.label for flow in flows() if flow.theirs.inspected)
    lines = [
        "# How far a flow's label can be trusted",
        "",
        "Made by `python -m tools.calibration`, on the captures of `shared/data/captures/ndpi` beside the checkout.",
        "",
        "A label comes with a confidence. Here it is compared with how often labels are right, on flows whose payload",
        "told nDPI what they are. A case is what one rule said, with one confidence, of the flows of one protocol in",
        "one capture: hundreds of such flows are hardly more evidence than one. The rules were written with these",
        "captures at hand, and nDPI is sometimes wrong, so the shares are those of known ground; noise, below, is the",
        "other side.",
        f"Of {unasked} more flows, of protocols that no rule is for, none has a label.",
        "",
        f"![Right labels by stated confidence]({PLOT.name})",
        "",
        "| stated | flows | cases | mean stated | right | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for one in bins(cases):
        low, high = interval(one.right, len(one.cases))
        numbers = f"{one.flows} | {len(one.cases)} | {one.stated:.3f} | {one.right:.3f}"
        lines.append(f"| {one.low:.2f} to {one.high:.2f} | {numbers} | {low:.3f} to {high:.3f} |")
    lines += ["", f"Rules of at least {FEW} cases that state more than the interval of their cases allows:", ""]
    off = list(far_off(cases))
    lines += [f"- {rule}: {count} cases, {stated:.2f} stated, {right:.2f} right" for rule, count, stated, right in off]
    lines += [
        *(["- none"] if not off else []),
        "",
        "## Noise",
        "",
        f"{count:,} flows of each kind, of four packets with random content, on random ports. Rules that ask for a",
        "port and little else answer where the port happens to fit; on a real network it is mostly theirs.",
        "",
        "| noise | labelled, of 100,000 | rules (confidence): of 100,000 |",
        "|---|---|---|",
    ]
    for kind, found in kinds.items():
        per = 100_000 / count
        most = ", ".join(f"{rule} ({stated:.2f}): {each * per:.0f}" for (rule, stated), each in found.most_common(4))
        lines.append(f"| {kind} | {found.total() * per:.0f} | {most} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the page and its plot."""
    cases = labelled_cases()
    kinds = {
        f"{name} in {carrier}": noise(protocol, text=name == "text", count=NOISE)
        for protocol, carrier in ((_TCP, "TCP"), (_UDP, "UDP"))
        for name in ("octets", "text")
    }
    PAGE.write_text(page(cases, kinds, NOISE), "utf-8")
    points = [Point(one.stated, one.right, interval(one.right, len(one.cases)), len(one.cases)) for one in bins(cases)]
    PLOT.write_text(plot(points), "utf-8")
    print(PAGE.read_text("utf-8"))


if __name__ == "__main__":
    main()
