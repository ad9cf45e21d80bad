"""What the probe itself finds wrong with this host."""

from __future__ import annotations

from grafana.dashboards import verdicts
from grafana.dashboards.bands import timeline
from grafana.dashboards.panels import Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_LABELS = ("rule", *verdicts.PLACES)
_PREFIX = "fabricscope_health"


def section() -> Section:
    """Verdicts now, when there were any, and whether they can be believed."""
    standing = verdicts.by_severity(HOST, _LABELS)
    return Section(
        "Verdicts",
        [
            [
                listing(
                    "What is wrong with this host?",
                    "Verdicts of the probe's health rules, worst first. `fabricscope doctor` on the host has the "
                    "evidence and the next step; docs/reference/health-rules.md says what each rule means.",
                    _LABELS,
                    Column("Severity", standing, words=verdicts.WORDS, colours=verdicts.COLOURS),
                ),
            ],
            [
                timeline(
                    "When was something wrong?",
                    "A band while a verdict stood: red critical, orange a warning, blue for information. What began "
                    "first is often the cause of the rest.",
                    Query(standing, "{{rule}} " + " ".join(f"{{{{{place}}}}}" for place in verdicts.PLACES)),
                    words=verdicts.WORDS,
                    colours=verdicts.COLOURS,
                ),
            ],
            [
                graph(
                    "Do verdicts come and go?",
                    "Verdicts that were raised, changed or cleared, a minute.",
                    Query(
                        f"60 * max by (change) (rate({_PREFIX}_verdict_events_total{{{HOST}}}[$__rate_interval]))",
                        "{{change}}",
                    ),
                ),
                graph(
                    "What is not judged?",
                    "Rules of whose things nothing can be told at present, such as after a start or while a sampler "
                    "fails; series and things without room; verdicts beyond the most that a host may have; and times "
                    "that judging itself failed.",
                    Query(f"max({_PREFIX}_unjudged_rules{{{HOST}}})", "rules that cannot tell"),
                    Query(f"max({_PREFIX}_left_out{{{HOST}}})", "without room"),
                    Query(f"max({_PREFIX}_verdicts_suppressed_total{{{HOST}}})", "verdicts suppressed"),
                    Query(f"max by (what) ({_PREFIX}_failures_total{{{HOST}}})", "failures to {{what}}"),
                ),
            ],
        ],
    )
