"""The page: what it is made of, its variables, and the sections that say whether to read on."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import panels, variables
from grafana.dashboards.fleet import collectors, health, ports, probes, queries
from grafana.dashboards.panels import Column, Query, Section, graph, listing, number
from grafana.dashboards.variables import FLEET


def dashboard() -> Dashboard:
    """The page to start from."""
    return panels.arrange(
        panels.FLEET_UID,
        "Fabricscope: fleet",
        "Is anything wrong with the fabric, where, and can what is shown here be believed?",
        [variables.datasource(), variables.job(), variables.cluster(several=True)],
        [
            _overview(),
            health.section(),
            _hosts(),
            ports.ports(),
            ports.traffic(),
            ports.pcie(),
            probes.section(),
            collectors.section(),
        ],
    )


def _overview() -> Section:
    alerts = 'ALERTS{alertname=~"Fabricscope.+", alertstate="firing", cluster=~"$cluster|"}'
    labels = ("severity", "alertname", "cluster", "host", "device", "port", "address", "sampler", "instance")
    return Section(
        "Is anything wrong?",
        [
            [
                number("Hosts heard", "Hosts whose probe a collector hears.", queries.count(f"{queries.HOST_UP} == 1")),
                number(
                    "Hosts silent", "Hosts that no collector hears.", queries.count(f"{queries.HOST_UP} == 0"), bad=True
                ),
                number(
                    "Scrapes failing",
                    "Probes and collectors that Prometheus cannot scrape.",
                    queries.count('up{job=~"fabricscope-.+"} == 0'),
                    bad=True,
                ),
                number(
                    "Ports down",
                    "Ports that are down and were up in the last day.",
                    queries.count(f"{queries.UP} == 0 and {queries.UP_IN_A_DAY} == 1"),
                    bad=True,
                ),
                number(
                    "Ports slower",
                    "Ports slower than at some time in the last day.",
                    queries.count(f"{queries.SPEED} < {queries.SPEED_IN_A_DAY}"),
                    bad=True,
                ),
                number(
                    "Ports with errors",
                    "Ports that counted an error in the last 5 minutes.",
                    queries.count(
                        f"sum by ({', '.join(queries.PORT)}) (port:fabricscope_port_errors:rate5m{{{FLEET}}})"
                    ),
                    bad=True,
                ),
                number(
                    "PCIe links degraded",
                    "Links that are gone, or narrower or slower than both ends are capable of. GPUs that idle are "
                    "often slower and nothing is wrong with them.",
                    queries.count(queries.PCIE_BROKEN),
                    bad=True,
                ),
                number(
                    "Samplers failing",
                    "Samplers that fail or hang: what they sample is not shown.",
                    queries.count(f"fabricscope_sampler_up{{{FLEET}}} == 0"),
                    bad=True,
                ),
            ],
            [
                listing(
                    "Which alerts fire?",
                    "Each has a runbook, docs/runbooks/<alert>.md.",
                    labels,
                    Column("Firing", f"topk(100, max by ({', '.join(labels)}) ({alerts}))"),
                )
            ],
        ],
    )


def _hosts() -> Section:
    silent_for = f"time() - max by (cluster, host) (fabricscope_host_last_seen_timestamp_seconds{{{queries.OF_HOSTS}}})"
    return Section(
        "Hosts",
        [
            [
                graph(
                    "Is any host silent?",
                    "Hosts by state. A step down in both means that collectors forgot hosts, such as by a restart.",
                    Query(queries.count(f"{queries.HOST_UP} == 1"), "heard"),
                    Query(queries.count(f"{queries.HOST_UP} == 0"), "silent"),
                ),
                listing(
                    "Which hosts are silent, and for how long?",
                    "A host that stays silent for a day (collector.state.forget_after_seconds) is forgotten.",
                    ("cluster", "host"),
                    Column(
                        "Silent for", f"topk(50, {silent_for} and on (cluster, host) {queries.HOST_UP} == 0)", unit="s"
                    ),
                ),
            ]
        ],
    )
