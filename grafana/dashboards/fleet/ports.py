"""What is wrong with ports and PCIe links, and how much moves through them."""

from __future__ import annotations

from grafana.dashboards.fleet import queries
from grafana.dashboards.panels import ORANGE, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import FLEET


def ports() -> Section:
    """Ports that are down, slower, flapping, erring, dropping, or no longer counting."""
    slowed = f"topk(50, {queries.SPEED_IN_A_DAY} > {queries.SPEED})"
    return Section(
        "Ports",
        [
            [
                listing(
                    "Which ports are down?",
                    "Those that were up in the last day broke; the others may have no cable.",
                    queries.PORT,
                    Column(
                        "Up in the last day",
                        f"topk(100, {queries.UP_IN_A_DAY} and {queries.UP} == 0)",
                        words={0: "no", 1: "yes"},
                        colours={1: RED},
                    ),
                ),
                listing(
                    "Which ports are slower than they were?",
                    "A link that trained again at a lower rate, or lost lanes.",
                    queries.PORT,
                    Column("Is", f"8 * ({queries.SPEED} and {slowed})", unit="bps"),
                    Column("Was", f"8 * {slowed}", unit="bps"),
                ),
                listing(
                    "Which ports flap?",
                    "Times that the link went down in the last 15 minutes.",
                    queries.PORT,
                    Column(
                        "Went down",
                        f"topk(20, round(port:fabricscope_port_flaps:increase15m{{{FLEET}}}))",
                        colours={1: ORANGE, 3: RED},
                    ),
                ),
            ],
            [
                listing(
                    "Which ports have the most errors?",
                    "Errors of the port or its cable, a second over the last 5 minutes.",
                    (*queries.PORT, "error"),
                    Column(
                        "Errors",
                        f"topk(20, port:fabricscope_port_errors:rate5m{{{FLEET}}})",
                        unit="cps",
                        colours={0.01: ORANGE, 1: RED},
                    ),
                ),
                listing(
                    "Which ports drop the most packets?",
                    "Packets a second over the last 5 minutes: for want of room, of a posted receive, or of a peer.",
                    (*queries.PORT, "drop"),
                    Column(
                        "Dropped",
                        f"topk(20, port:fabricscope_port_drops:rate5m{{{FLEET}}})",
                        unit="pps",
                        colours={1: ORANGE, 10: RED},
                    ),
                ),
                listing(
                    "Which counters are full?",
                    "Narrow counters that stand at their ceiling: what they count cannot be seen until they are "
                    "cleared.",
                    ("cluster", "host", "device", "port", "metric"),
                    Column(
                        "Full",
                        "topk(50, max by (cluster, host, device, port, metric) ("
                        f'fabricscope_series_quality{{{FLEET}, quality="saturated"}}))',
                    ),
                ),
            ],
            [
                graph(
                    "Do errors rise?",
                    "Errors a second over all ports, by what was counted.",
                    Query(
                        f"sum by (link, error) (port:fabricscope_port_errors:rate5m{{{FLEET}}})", "{{link}} {{error}}"
                    ),
                    unit="cps",
                    stacked=True,
                ),
                graph(
                    "Do drops rise?",
                    "Packets a second over all ports, by where they were dropped.",
                    Query(f"sum by (link, drop) (port:fabricscope_port_drops:rate5m{{{FLEET}}})", "{{link}} {{drop}}"),
                    unit="pps",
                    stacked=True,
                ),
            ],
        ],
    )


def traffic() -> Section:
    """Throughput, utilization, retries and congestion."""
    events = "cluster:fabricscope_rdma_events:rate5m"
    congestion = "ecn_marked_packets|cnps_handled|transmit_wait_ticks"
    retries = "ack_timeouts|sequence_error_naks|out_of_sequence_packets|rnr_naks|.*_exceeded"
    return Section(
        "Traffic",
        [
            [
                graph(
                    "How much traffic is there?",
                    "All ports together. Ethernet counts hardware alone, not the bonds and VLANs above it.",
                    *(
                        Query(
                            f"8 * sum by (link) (cluster:fabricscope_port_{way}_bytes:rate2m{{{FLEET}}})",
                            f"{{{{link}}}} {way}",
                        )
                        for way in ("transmit", "receive")
                    ),
                    unit="bps",
                ),
                graph(
                    "How busy are links?",
                    "The busier direction against the signalling rate: the median port, the 99th percentile and the "
                    "busiest. The median shows a collective that waits for a few.",
                    Query(
                        f"max by (link, quantile) (cluster:fabricscope_port_utilization:quantile2m{{{FLEET}}})",
                        "{{link}} {{quantile}}",
                    ),
                    unit="percentunit",
                    highest=1,
                ),
                listing(
                    "Which ports are the busiest?",
                    "Share of the signalling rate over the last 2 minutes.",
                    queries.PORT,
                    Column(
                        "Busy",
                        f"topk(20, port:fabricscope_port_utilization:ratio2m{{{FLEET}}})",
                        unit="percentunit",
                        colours={0.8: ORANGE, 0.95: RED},
                    ),
                ),
            ],
            [
                graph(
                    "Does RDMA retry?",
                    "Retries cost time; `exceeded` ones broke a queue pair.",
                    Query(f'sum by (event) ({events}{{{FLEET}, event=~"{retries}"}})', "{{event}}"),
                    unit="cps",
                ),
                graph(
                    "Is the fabric congested?",
                    "RoCE: packets that switches marked, and notifications that slowed senders here. InfiniBand: ticks "
                    "in which data waited for credits.",
                    Query(
                        f'sum by (event) ({events}{{{FLEET}, event=~"{congestion}"}})',
                        "{{event}}",
                    ),
                    unit="cps",
                ),
            ],
        ],
    )


def pcie() -> Section:
    """Links that are degraded, and devices with errors."""
    return Section(
        "PCIe",
        [
            [
                listing(
                    "Which PCIe links are degraded?",
                    "`width` is a fault. `speed` may be a GPU that idles. `link` means that the device is gone.",
                    ("cluster", "host", "address", "upstream", "property"),
                    Column("Degraded", f"topk(50, {queries.PCIE_BROKEN})"),
                ),
                listing(
                    "Which PCIe devices have errors?",
                    "Errors a second over the last 5 minutes. Look at the port above as well: errors may show at one "
                    "end only.",
                    ("cluster", "host", "address", "aer_severity", "error"),
                    Column(
                        "Errors",
                        f"topk(20, device:fabricscope_pcie_aer_errors:rate5m{{{FLEET}}})",
                        unit="cps",
                        colours={0.01: ORANGE, 0.1: RED},
                    ),
                ),
            ]
        ],
    )
