"""What health says of itself, and its verdicts as series. They travel like every sampler's values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fabricscope.model import Kind, MetricSpec, Reading, Severity
from probes.health.health import Health
from probes.health.judging.verdict import Verdict

PLACES = ("device", "port", "gpu", "link", "address", "lane", "sensor")
"""Labels of a verdict that ports, links and devices are known by elsewhere, so that series can be joined."""

VERDICT = MetricSpec(
    "fabricscope_health_verdict",
    Kind.GAUGE,
    "1 while the rule has a verdict on the thing; labels that do not apply are empty, and `other` has those that are "
    "not among them as name=value. What is well has no series.",
    ("rule", "severity", *PLACES, "other"),
)
VERDICTS = MetricSpec("fabricscope_health_verdicts", Kind.GAUGE, "Verdicts that are active.", ("severity",))
RULES = MetricSpec("fabricscope_health_rules", Kind.GAUGE, "Rules that are in force.")
UNJUDGED = MetricSpec(
    "fabricscope_health_unjudged_rules",
    Kind.GAUGE,
    "Rules that have things here of which nothing can be told at present.",
)
EVALUATIONS = MetricSpec(
    "fabricscope_health_evaluations_total", Kind.COUNTER, "Times that a rule looked at its things."
)
SECONDS = MetricSpec(
    "fabricscope_health_duration_seconds_total",
    Kind.COUNTER,
    "Time spent in judging.",
    unit="seconds",
    per_unit=1_000_000_000,
)
TOLD = MetricSpec(
    "fabricscope_health_verdict_events_total",
    Kind.COUNTER,
    "Verdicts that were raised, changed or cleared.",
    ("change",),
)
SUPPRESSED = MetricSpec(
    "fabricscope_health_verdicts_suppressed_total",
    Kind.COUNTER,
    "Verdicts that were not raised because too many were active.",
)
LEFT_OUT = MetricSpec(
    "fabricscope_health_left_out", Kind.GAUGE, "Series and things that are not judged for want of room."
)
FAILURES = MetricSpec(
    "fabricscope_health_failures_total",
    Kind.COUNTER,
    "Times that judging failed (judge), or that the state could not be written (write).",
    ("what",),
)

METRICS = (VERDICT, VERDICTS, RULES, UNJUDGED, EVALUATIONS, SECONDS, TOLD, SUPPRESSED, LEFT_OUT, FAILURES)


def readings(health: Health, verdicts: Iterable[Verdict], unjudged: int) -> Iterator[Reading]:
    """Everything that follows from health itself."""
    counts = {severity.name.lower(): 0 for severity in Severity}
    seen: set[tuple[str, ...]] = set()
    for verdict in verdicts:
        counts[verdict.severity] += 1
        labels = _labels(verdict)
        if labels not in seen:
            seen.add(labels)
            yield Reading(VERDICT, labels, 1.0)
    for severity, count in counts.items():
        yield Reading(VERDICTS, (severity,), float(count))
    yield Reading(RULES, (), float(len(health.rules)))
    yield Reading(UNJUDGED, (), float(unjudged))
    yield Reading(EVALUATIONS, (), health.evaluations)
    for change, count in health.told.items():
        yield Reading(TOLD, (change,), count)
    yield Reading(SUPPRESSED, (), health.suppressed)
    yield Reading(LEFT_OUT, (), float(health.left_out))


def _labels(verdict: Verdict) -> tuple[str, ...]:
    places = tuple(verdict.subject.get(place, "") for place in PLACES)
    other = ",".join(f"{name}={value}" for name, value in verdict.subject.items() if name not in PLACES)
    return (verdict.rule, verdict.severity, *places, other[:1000])
