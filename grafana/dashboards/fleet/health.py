"""What probes themselves find wrong with their hosts, over the whole fleet."""

from __future__ import annotations

from grafana.dashboards import verdicts
from grafana.dashboards.fleet import queries
from grafana.dashboards.panels import ORANGE, RED, Column, Query, Section, graph, listing, number
from grafana.dashboards.variables import FLEET

_PREFIX = "fabricscope_health"
_LABELS = ("cluster", "host", "rule", *verdicts.PLACES)
_BY_HOST = "max by (cluster, host)"


def section() -> Section:
    """How many hosts are in trouble, which, by what, and who does not tell."""
    return Section(
        "Verdicts",
        [
            [
                number("Hosts with critical verdicts", "Look at these now.", _hosts("critical"), bad=True),
                number(
                    "Hosts with warnings", "These can wait for the day.", _hosts("warning"), bad=True, colour=ORANGE
                ),
                number(
                    "Hosts that judge themselves",
                    "Hosts whose probe has health rules in force.",
                    queries.count(f"{_BY_HOST} ({_PREFIX}_rules{{{FLEET}}}) > 0"),
                ),
                number(
                    "Hosts that do not",
                    "Hosts whose probe has no verdicts, since it is older or health is switched off there. Nothing "
                    "below is known of them; the alerts on Prometheus' own figures are all that they have.",
                    queries.count(
                        f"{_BY_HOST} (fabricscope_probe_info{{{FLEET}}}) "
                        f"unless on (cluster, host) {_BY_HOST} ({_PREFIX}_rules{{{FLEET}}}) > 0"
                    ),
                ),
            ],
            [
                listing(
                    "What is wrong, worst first?",
                    "A verdict each. The host's page shows what went before; `fabricscope doctor` on the host has the "
                    "evidence and the next step; docs/runbooks/ has a page for each rule.",
                    _LABELS,
                    Column(
                        "Severity",
                        f"topk(100, {verdicts.by_severity(FLEET, _LABELS)})",
                        words=verdicts.WORDS,
                        colours=verdicts.COLOURS,
                    ),
                ),
            ],
            [
                listing(
                    "Which hosts are worst?",
                    "Verdicts of a host by severity.",
                    ("cluster", "host"),
                    Column("Warnings", _of_hosts("warning"), colours={1: ORANGE}),
                    Column("Critical", _of_hosts("critical"), colours={1: RED}),
                ),
                listing(
                    "Which rules are broken by most hosts?",
                    "A rule that many hosts break at once is a switch, a firmware, a room, or a threshold that does "
                    "not fit this fleet.",
                    ("severity", "rule"),
                    Column(
                        "Hosts",
                        "topk(50, count by (severity, rule) (max by (cluster, host, severity, rule) "
                        f"({verdicts.METRIC}{{{FLEET}}})))",
                    ),
                ),
                graph(
                    "Do verdicts rise?",
                    "Verdicts that stand, by severity.",
                    Query(f"sum by (severity) (cluster:fabricscope_health_verdicts:sum{{{FLEET}}})", "{{severity}}"),
                    stacked=True,
                ),
                listing(
                    "Where can verdicts not be believed?",
                    "Rules of whose things a host can tell nothing at present; and times in the last hour that judging "
                    "itself failed there.",
                    ("cluster", "host"),
                    Column("Cannot tell", f"topk(50, {_BY_HOST} ({_PREFIX}_unjudged_rules{{{FLEET}}}) > 0)"),
                    Column(
                        "Failures",
                        f'topk(50, {_BY_HOST} (increase({_PREFIX}_failures_total{{{FLEET}, what="judge"}}[1h])) > 0)',
                        colours={1: RED},
                    ),
                ),
            ],
        ],
    )


def _hosts(severity: str) -> str:
    return queries.count(f'{_BY_HOST} ({_PREFIX}_verdicts{{{FLEET}, severity="{severity}"}}) > 0')


def _of_hosts(severity: str) -> str:
    return f'topk(50, {_BY_HOST} ({_PREFIX}_verdicts{{{FLEET}, severity="{severity}"}}) > 0)'
