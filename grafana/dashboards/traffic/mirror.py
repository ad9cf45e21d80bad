"""Whether what is shown of traffic can be believed: every packet that was mirrored is accounted for."""

from __future__ import annotations

from grafana.dashboards.panels import Column, Query, Section, graph, listing
from grafana.dashboards.traffic.queries import WHERE, rate
from grafana.dashboards.variables import FLEET


def section() -> Section:
    """What was seen, what was not, and why."""
    seen = f"min by ({', '.join(WHERE)}) (fabricscope_flows_visibility_ratio{{{FLEET}}})"
    missing = f"max by ({', '.join(WHERE)}) (fabricscope_flows_mirror_missing_packets{{{FLEET}}})"
    return Section(
        "Can it be believed?",
        [
            [
                listing(
                    "How much does each observer see?",
                    "Visibility is the share of mirrored packets that arrived, by gaps in ERSPAN and GRE sequence "
                    "numbers. Figures of an observer that drops packets, or sees part of them, are lower bounds.",
                    WHERE,
                    Column("Packets a second", rate("packets", *WHERE), "pps"),
                    Column("Ring drops a second", rate("ring_drops", *WHERE), "pps", {1e-9: "red"}),
                    Column("Missing", missing, "short", {1: "orange"}),
                    Column("Visibility", seen, "percentunit"),
                    empty="no probe reads mirrored packets",
                    lowest_first="Visibility",
                ),
                graph(
                    "Which packets belong to no flow?",
                    "Packets that cannot be decoded, by reason, those that the filter left out, and those of flows "
                    "that were left out in a flood.",
                    Query(rate("undecodable_packets", "reason"), "{{reason}}"),
                    Query(rate("filtered_packets", "observer"), "{{observer}} filtered"),
                    Query(rate("unsampled_packets", "observer"), "{{observer}} flood"),
                    unit="pps",
                ),
            ],
            [
                graph(
                    "Are there more flows than fit?",
                    "Flows in the table. Those that are evicted ended early, and their records say so.",
                    Query(f"max by (host, observer) (fabricscope_flows_active{{{FLEET}}})", "{{host}} {{observer}}"),
                    Query(rate("evicted", "host", "observer"), "{{host}} {{observer}} evicted a second"),
                ),
                graph(
                    "Is anybody paused?",
                    "PFC pause frames a second that were seen on mirror ports, by priority.",
                    Query(rate("pause_frames", "observer", "priority"), "{{observer}} priority {{priority}}"),
                    unit="pps",
                ),
            ],
        ],
    )
