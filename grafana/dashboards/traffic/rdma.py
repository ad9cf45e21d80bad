"""What RDMA does on the wire, by connection of queue pairs: the worst and the largest; the rest is `other`."""

from __future__ import annotations

from grafana.dashboards.panels import Column, Query, Section, graph, listing
from grafana.dashboards.traffic.queries import QUEUE_PAIR, largest, lately, rate

_LEGEND = "{{source}}/{{source_qp}} > {{destination}}/{{destination_qp}}"


def _column(heading: str, metric: str, unit: str = "short", colour: str = "") -> Column:
    expr = largest(lately(metric, "host", "observer", *QUEUE_PAIR))
    return Column(heading, expr, unit, {1: colour} if colour else {})


def section() -> Section:
    """Loss, congestion and waste."""
    return Section(
        "RDMA",
        [
            [
                listing(
                    "Which connections are in trouble?",
                    "In the time that is shown. Lost: sequence numbers that the fabric lost. Sent again: go-back-N "
                    "sends all that followed the lost packet once more. CNPs slow the sender down: look for the "
                    "congested port.",
                    ("host", "observer", *QUEUE_PAIR),
                    _column("Goodput", "rdma_goodput_bytes", "bytes"),
                    _column("Sent again", "rdma_repeated_bytes", "bytes"),
                    _column("CNPs", "rdma_cnps"),
                    _column("Marked", "rdma_ecn_marked_packets"),
                    _column("RNR NAKs", "rdma_rnr_naks"),
                    _column("NAKs", "rdma_naks", colour="orange"),
                    _column("Lost", "rdma_lost_packets", colour="red"),
                    empty="no RDMA was seen",
                ),
            ],
            [
                graph(
                    "Does the fabric lose packets?",
                    "Sequence numbers a second that were lost and sent again. What the mirror alone lost is not in it.",
                    Query(largest(rate("rdma_lost_packets", *QUEUE_PAIR)), _LEGEND),
                    unit="pps",
                ),
                graph(
                    "Who is slowed down?",
                    "Congestion notification packets a second.",
                    Query(largest(rate("rdma_cnps", *QUEUE_PAIR)), _LEGEND),
                    unit="pps",
                ),
            ],
            [
                graph(
                    "What arrives?",
                    "Payload a second that was sent for the first time.",
                    Query(largest(rate("rdma_goodput_bytes", *QUEUE_PAIR)), _LEGEND),
                    unit="Bps",
                ),
                graph(
                    "What is sent for nothing?",
                    "Payload a second that was sent again.",
                    Query(largest(rate("rdma_repeated_bytes", *QUEUE_PAIR)), _LEGEND),
                    unit="Bps",
                ),
            ],
        ],
    )
