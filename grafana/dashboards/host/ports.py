"""The host's ports: all of them alike, then what only RDMA or only Ethernet ports have."""

from __future__ import annotations

from grafana.dashboards.bands import heat, timeline
from grafana.dashboards.panels import ORANGE, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_RDMA, _ETHERNET = "{{device}} {{port}}", "{{device}}"
"""Legends."""


def ports() -> Section:
    """What every kind of port has."""
    by_port = "max by (link, device, port)"
    speed = "port:fabricscope_port_speed_bytes_per_second"
    return Section(
        "Ports",
        [
            [
                listing(
                    "How does each port do?",
                    "State, speed, and the share of it in use. `link` is infiniband for RDMA ports, RoCE included.",
                    ("link", "device", "port"),
                    Column(
                        "State",
                        f"{by_port} (port:fabricscope_port_up:max{{{HOST}}})",
                        words={0: "down", 1: "up"},
                        colours={0: RED, 1: "green"},
                    ),
                    Column(
                        "Speed",
                        f"8 * {by_port} ({speed}:max{{{HOST}}})",
                        unit="bps",
                    ),
                    Column(
                        "Fastest in a day",
                        f"8 * {by_port} ({speed}:max1d{{{HOST}}})",
                        unit="bps",
                    ),
                    Column(
                        "Busy",
                        f"{by_port} (port:fabricscope_port_utilization:ratio2m{{{HOST}}})",
                        unit="percentunit",
                        colours={0.8: ORANGE, 0.95: RED},
                    ),
                ),
            ],
            [
                timeline(
                    "When was each link up?",
                    "Red while down: ports, NVLinks, XGMI and PCIe links. A port that is switched off has no band.",
                    Query(f"{by_port} (port:fabricscope_port_up:max{{{HOST}}})", "{{link}} {{device}} {{port}}"),
                    Query(f"max by (gpu, link) (fabricscope_nvlink_up{{{HOST}}})", "nvlink GPU {{gpu}} link {{link}}"),
                    Query(f"max by (gpu, link) (fabricscope_nvlink_c2c_up{{{HOST}}})", "c2c GPU {{gpu}} link {{link}}"),
                    Query(
                        f"max by (gpu, link) (fabricscope_amd_gpu_xgmi_link_up{{{HOST}}})",
                        "xgmi GPU {{gpu}} link {{link}}",
                    ),
                    Query(f"max by (address) (fabricscope_pcie_link_up{{{HOST}}})", "pcie {{address}}"),
                    words={0: "down", 1: "up"},
                ),
            ],
            [
                heat(
                    "When did each port have errors?",
                    "Errors of the port or its cable, a second over 5 minutes. A row that glows alone is a cable; a "
                    "column is something that all ports share.",
                    # A row for each port that is there, so that what is well is seen to be.
                    Query(
                        f"sum by (device, port) (port:fabricscope_port_errors:rate5m{{{HOST}}}) "
                        f"or 0 * max by (device, port) (port:fabricscope_port_up:max{{{HOST}}})",
                        "{{device}} {{port}}",
                    ),
                    unit="cps",
                ),
                heat(
                    "When was each port paused?",
                    "Share of the time; red is half of it. `sent`: it made its peer stop. `received`: its peer made it "
                    "stop. `credits`: an InfiniBand port waited for the next hop while it had something to send.",
                    Query(
                        f"max by (device, port, direction) (port:fabricscope_port_paused:ratio2m{{{HOST}}})",
                        "{{device}} {{port}} {{direction}}",
                    ),
                    unit="percentunit",
                    highest=0.5,
                ),
            ],
            [
                graph(
                    "Which errors are there?",
                    "Errors of the port or its cable, a second over 5 minutes.",
                    Query(f"topk(20, port:fabricscope_port_errors:rate5m{{{HOST}}})", "{{device}} {{port}} {{error}}"),
                    unit="cps",
                ),
                graph(
                    "Which packets are dropped?",
                    "Packets a second over 5 minutes, by where they were dropped.",
                    Query(f"topk(20, port:fabricscope_port_drops:rate5m{{{HOST}}})", "{{device}} {{port}} {{drop}}"),
                    unit="pps",
                ),
                graph(
                    "Which ports flap?",
                    "Times that the link went down in 15 minutes.",
                    Query(f"round(port:fabricscope_port_flaps:increase15m{{{HOST}}})", "{{device}} {{port}}"),
                ),
            ],
        ],
    )


def rdma() -> Section:
    """InfiniBand and RoCE ports."""
    prefix = "fabricscope_infiniband"
    return Section(
        "RDMA",
        [
            [
                listing(
                    "What are the RDMA ports?",
                    "`netdev` is the interface of a RoCE port.",
                    ("device", "port", "link_layer", "netdev", "lid"),
                    Column(
                        "Lanes",
                        "max by (device, port, link_layer, netdev, lid) ("
                        f"{prefix}_port_info{{{HOST}}} * on (device, port) group_left () "
                        f"max by (device, port) ({prefix}_port_lanes{{{HOST}}}))",
                    ),
                ),
                listing(
                    "What are the adapters?",
                    "Adapters of one kind should have one firmware.",
                    ("device", "hca_type", "firmware", "board_id", "bus_address"),
                    Column(
                        "Present",
                        f"max by (device, hca_type, firmware, board_id, bus_address) ({prefix}_device_info{{{HOST}}})",
                    ),
                ),
            ],
            [
                graph(
                    "How much RDMA traffic is there?",
                    "Sent above, received below.",
                    *_both_ways(f"{prefix}_port", _RDMA, "device, port"),
                    unit="bps",
                    mirrored=True,
                ),
                graph(
                    "Does data wait for credits?",
                    "Ticks a second in which a port had data and could not send: the other end, or what is behind it, "
                    "is slow.",
                    Query(_rate(f"{prefix}_port_transmit_wait_ticks_total", "device, port"), _RDMA),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "Does RDMA retry?",
                    "Only what moved is drawn. Retries cost time; `exceeded` ones broke a queue pair.",
                    *_moving(
                        {
                            f"{prefix}_ack_timeouts_total": "ack timeouts",
                            f"{prefix}_sequence_error_naks_received_total": "sequence NAKs",
                            f"{prefix}_out_of_sequence_packets_total": "out of sequence",
                            f"{prefix}_rnr_naks_received_total": "receiver not ready",
                            f"{prefix}_requester_transport_retries_exceeded_total": "transport retries exceeded",
                            f"{prefix}_requester_rnr_retries_exceeded_total": "RNR retries exceeded",
                        },
                        _RDMA,
                        "device, port",
                    ),
                    unit="cps",
                ),
                graph(
                    "Is RoCE congested?",
                    "Only what moved is drawn: packets that switches marked, notifications that they led to, and "
                    "those that slowed this host.",
                    *_moving(
                        {
                            f"{prefix}_ecn_marked_packets_received_total": "marked packets",
                            f"{prefix}_cnps_sent_total": "notifications sent",
                            f"{prefix}_cnps_handled_total": "notifications handled",
                            f"{prefix}_cnps_ignored_total": "notifications ignored",
                        },
                        _RDMA,
                        "device, port",
                    ),
                    unit="pps",
                ),
            ],
        ],
    )


def ethernet() -> Section:
    """Network interfaces."""
    prefix = "fabricscope_ethernet"
    return Section(
        "Ethernet",
        [
            [
                graph(
                    "How much Ethernet traffic is there?",
                    "Sent above, received below. RDMA traffic of a RoCE port is counted at the RDMA port.",
                    *_both_ways(prefix, _ETHERNET, "device"),
                    unit="bps",
                    mirrored=True,
                ),
                graph(
                    "Which kinds of error are there?",
                    "Only what moved is drawn, so nothing is good news.",
                    *_moving(
                        {
                            f"{prefix}_receive_crc_errors_total": "CRC",
                            f"{prefix}_receive_length_errors_total": "length",
                            f"{prefix}_receive_fifo_errors_total": "FIFO",
                            f"{prefix}_receive_missed_errors_total": "missed",
                            f"{prefix}_transmit_carrier_errors_total": "carrier lost",
                        },
                        _ETHERNET,
                        "device",
                    ),
                    unit="cps",
                ),
                graph(
                    "Does the carrier come and go?",
                    "Changes in an interval: two for each flap.",
                    Query(
                        f"max by (device) (increase({prefix}_carrier_changes_total{{{HOST}}}[$__rate_interval]))",
                        _ETHERNET,
                    ),
                ),
                listing(
                    "What are the interfaces?",
                    "A rail's interfaces should have one MTU.",
                    ("device", "driver", "kind", "bus_address", "mac_address"),
                    Column(
                        "MTU",
                        "max by (device, driver, kind, bus_address, mac_address) ("
                        f"{prefix}_info{{{HOST}}} * on (device) group_left () "
                        f"max by (device) ({prefix}_mtu_bytes{{{HOST}}}))",
                        unit="decbytes",
                    ),
                ),
            ]
        ],
    )


def _rate(metric: str, by: str) -> str:
    return f"max by ({by}) (rate({metric}{{{HOST}}}[$__rate_interval]))"


def _moving(metrics: dict[str, str], what: str, by: str) -> list[Query]:
    """A query for each metric, named behind `what`, for the series that moved: most of them stand still."""
    return [Query(f"topk(10, {_rate(metric, by)} > 0)", f"{what} {name}") for metric, name in metrics.items()]


def _both_ways(prefix: str, legend: str, by: str) -> list[Query]:
    """Bits a second: sent above 0, received below."""
    sent, received = (_rate(f"{prefix}_{way}_bytes_total", by) for way in ("transmit", "receive"))
    return [Query(f"8 * {sent}", f"{legend} sent"), Query(f"-8 * {received}", f"{legend} received")]
