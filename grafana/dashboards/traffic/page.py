"""The page: what runs over the fabric, and how RDMA fares."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import panels, variables
from grafana.dashboards.panels import Column, Query, Section, graph, listing
from grafana.dashboards.traffic import mirror, rdma
from grafana.dashboards.traffic.queries import largest, lately, rate


def dashboard() -> Dashboard:
    """What probes on mirror ports see."""
    return panels.arrange(
        panels.TRAFFIC_UID,
        "Fabricscope: traffic",
        "What runs over the fabric, who talks to whom, and what RDMA loses? From mirrored packets.",
        [variables.datasource(), variables.job(), variables.cluster(several=True)],
        [rdma.section(), _traffic(), mirror.section()],
    )


def _traffic() -> Section:
    return Section(
        "Traffic",
        [
            [
                graph(
                    "What runs?",
                    "Octets a second by what the payload says (DPI). They are counted when a flow's record is written: "
                    "at its end, and each active timeout while it goes on.",
                    Query(largest(rate("class_bytes", "label")), "{{label}}"),
                    unit="Bps",
                    stacked=True,
                ),
                graph(
                    "How does it behave?",
                    "Octets a second by behaviour (DFI).",
                    Query(largest(rate("behaviour_bytes", "behaviour")), "{{behaviour}}"),
                    unit="Bps",
                    stacked=True,
                ),
            ],
            [
                listing(
                    "Who talks to whom?",
                    "In the time that is shown; the largest pairs of hosts.",
                    ("a", "b"),
                    Column("TCP sent again", largest(lately("pair_retransmissions", "a", "b"))),
                    Column("Packets", largest(lately("pair_packets", "a", "b"))),
                    Column("Octets", largest(lately("pair_bytes", "a", "b")), "bytes"),
                    links_to_host=False,
                    empty="no records yet",
                ),
                listing(
                    "What are the applications?",
                    "In the time that is shown.",
                    ("label",),
                    Column("Records", largest(lately("class_records", "label"))),
                    Column("Packets", largest(lately("class_packets", "label"))),
                    Column("Octets", largest(lately("class_bytes", "label")), "bytes"),
                    links_to_host=False,
                    empty="no records yet",
                ),
                listing(
                    "What are the behaviours?",
                    "In the time that is shown.",
                    ("behaviour",),
                    Column("Records", largest(lately("behaviour_records", "behaviour"))),
                    Column("Octets", largest(lately("behaviour_bytes", "behaviour")), "bytes"),
                    links_to_host=False,
                    empty="no records yet",
                ),
            ],
        ],
    )
