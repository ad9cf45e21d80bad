"""The host's GPUs and the links between them."""

from __future__ import annotations

from collections.abc import Mapping

from grafana.dashboards.bands import heat
from grafana.dashboards.host.joins import described
from grafana.dashboards.panels import GREEN, ORANGE, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_UP: Mapping[float, str] = {0: RED, 1: GREEN}


def gpus() -> Section:
    """State, power and temperature of each GPU."""
    prefix = "fabricscope_gpu"
    reason = "max by (gpu, reason)"
    return Section(
        "GPUs",
        [
            [
                listing(
                    "How does each GPU do?",
                    "Lost: the driver no longer reaches it, or does not answer. `Action` is what the driver asks for.",
                    ("gpu", "address", "name"),
                    Column("State", _of_gpu(f"{prefix}_up"), words={0: "lost", 1: "up"}, colours=_UP),
                    Column(
                        "Action",
                        _of_gpu(f"{prefix}_recovery_action"),
                        words={0: "none", 1: "reset", 2: "reboot", 3: "drain peers", 4: "drain, reset"},
                        colours={1: ORANGE, 2: RED},
                    ),
                    Column("PCIe lanes", _of_gpu(f"{prefix}_pcie_width_lanes")),
                    Column("PCIe generation", _of_gpu(f"{prefix}_pcie_generation")),
                    Column(
                        "NVLinks up", _of_links("fabricscope_nvlink_up", "fabricscope_gpu_info", ["address", "name"])
                    ),
                    Column("Power", _of_gpu(f"{prefix}_power_watts"), unit="watt"),
                    Column("Hottest", _of_gpu(f"{prefix}_temperature_celsius"), unit="celsius"),
                    lowest_first="State",
                ),
                graph(
                    "Which GPUs are slowed by heat or power?",
                    "Share of the time, by cause: as the GPU counts it, else as it was when asked.",
                    Query(
                        f"({reason} (rate({prefix}_throttled_seconds_total{{{HOST}}}[$__rate_interval])) "
                        f"or {reason} (avg_over_time({prefix}_throttled{{{HOST}}}[$__rate_interval]))) > 0",
                        "GPU {{gpu}} {{reason}}",
                    ),
                    unit="percentunit",
                ),
            ],
            [
                graph(
                    "How hot is each GPU?",
                    "Die and memory.",
                    Query(f"max by (gpu, sensor) ({prefix}_temperature_celsius{{{HOST}}})", "GPU {{gpu}} {{sensor}}"),
                    unit="celsius",
                ),
                graph(
                    "Which PCIe errors does each GPU count?",
                    "A second: replays, recoveries, and errors by kind. Only what moved is drawn.",
                    Query(_moving(f"{prefix}_pcie_replays_total", "gpu"), "GPU {{gpu}} replays"),
                    Query(_moving(f"{prefix}_pcie_recoveries_total", "gpu"), "GPU {{gpu}} recoveries"),
                    Query(_moving(f"{prefix}_pcie_errors_total", "gpu, error"), "GPU {{gpu}} {{error}}"),
                    unit="cps",
                ),
            ],
            [
                listing(
                    "Which XIDs were there?",
                    "Errors of GPUs in the kernel's log, counted since the probe began; the event has the whole line. "
                    "SXids are those of NVSwitches.",
                    ("address", "xid", "sxid"),
                    Column(
                        "Times",
                        f"max by (address, xid) (fabricscope_kernel_xid_errors_total{{{HOST}}}) "
                        f"or max by (address, sxid) (fabricscope_kernel_sxid_errors_total{{{HOST}}})",
                        colours={1: RED},
                    ),
                ),
                listing(
                    "How does each AMD GPU do?",
                    "Lost: it fell off the bus, or its firmware is silent.",
                    ("gpu", "product", "card"),
                    Column("State", _of_amd_gpu("up"), words={0: "lost", 1: "up"}, colours=_UP),
                    Column("PCIe lanes", _of_amd_gpu("pcie_link_width_lanes")),
                    Column(
                        "XGMI links up",
                        _of_links("fabricscope_amd_gpu_xgmi_link_up", "fabricscope_amd_gpu_info", ["product", "card"]),
                    ),
                    lowest_first="State",
                ),
            ],
        ],
    )


def nvlinks() -> Section:
    """Traffic and errors of each NVLink."""
    prefix = "fabricscope_nvlink"
    link, by_link = "GPU {{gpu}} link {{link}}", "max by (gpu, link)"
    far_end = ("remote_type", "remote_address", "remote_link")
    return Section(
        "NVLink",
        [
            [
                listing(
                    "How does each NVLink do?",
                    "With what is at its far end. A link that is down and has no far end is not connected.",
                    ("gpu", "link", *far_end),
                    Column(
                        "State",
                        described(f"{prefix}_up{{{HOST}}}", ["gpu", "link"], f"{prefix}_info", far_end),
                        words={0: "down", 1: "up"},
                        colours=_UP,
                    ),
                    Column(
                        "Speed",
                        described(
                            f"{prefix}_speed_bytes_per_second{{{HOST}}}", ["gpu", "link"], f"{prefix}_info", far_end
                        ),
                        unit="Bps",
                    ),
                    lowest_first="State",
                ),
                listing(
                    "What has the NVLink fabric against a GPU?",
                    "The fabric manager's own judgement. Look at its log and at the switches.",
                    ("gpu", "cause"),
                    Column(
                        "Unhealthy",
                        f"max by (gpu, cause) ({prefix}_fabric_unhealthy{{{HOST}}}) == 1",
                        words={1: "yes"},
                        colours={1: RED},
                    ),
                ),
            ],
            [
                graph(
                    "How much NVLink traffic is there?",
                    "Sum of each GPU's links: sent above, received below. One GPU below its peers is the straggler.",
                    Query(_bytes("transmit"), "GPU {{gpu}} sent"),
                    Query(f"-{_bytes('receive')}", "GPU {{gpu}} received"),
                    unit="Bps",
                    mirrored=True,
                ),
                graph(
                    "Which NVLinks have a high bit error ratio?",
                    "As NVLink 5 measures it after error correction: the 20 worst. More than 1e-12 is a bad link.",
                    Query(f"topk(20, {by_link} ({prefix}_effective_bit_error_ratio{{{HOST}}}) > 0)", link),
                    Query(f"topk(20, {by_link} ({prefix}_symbol_bit_error_ratio{{{HOST}}}) > 0)", f"{link} symbols"),
                    unit="sci",
                    logarithmic=True,
                ),
                graph(
                    "How much does error correction have to repair?",
                    "Blocks a second in which it repaired that many symbols, all links together. The more to the right "
                    "of the list a block is, the nearer is one that cannot be repaired.",
                    Query(
                        "sum by (errors) (max by (gpu, link, errors) "
                        f'(rate({prefix}_fec_blocks_total{{{HOST}, errors!="0"}}[$__rate_interval]))) > 0',
                        "{{errors}} symbols",
                    ),
                    unit="cps",
                ),
            ],
            [
                heat(
                    "When did each NVLink have errors?",
                    "Bad packets, replays and recoveries a second; a link without errors has no row. One link alone is "
                    "a bad trace or cable; all links to one switch are the switch.",
                    Query(f"sum by (gpu, link) (nvlink:fabricscope_nvlink_errors:rate5m{{{HOST}}})", link),
                    unit="cps",
                ),
                graph(
                    "Which NVLink errors are there?",
                    "A second over 5 minutes: the 20 worst, by what was counted.",
                    Query(f"topk(20, nvlink:fabricscope_nvlink_errors:rate5m{{{HOST}}})", f"{link} {{{{error}}}}"),
                    unit="cps",
                ),
            ],
        ],
    )


def _of_gpu(metric: str) -> str:
    """A metric of each GPU, with what the GPU is."""
    return described(f"{metric}{{{HOST}}}", ["gpu"], "fabricscope_gpu_info", ["address", "name"])


def _of_links(up: str, info: str, labels: list[str]) -> str:
    """How many links of each GPU are up, with what the GPU is."""
    return described(f"sum by (gpu) (max by (gpu, link) ({up}{{{HOST}}}))", ["gpu"], info, labels)


def _of_amd_gpu(metric: str) -> str:
    prefix = "fabricscope_amd_gpu"
    return described(f"{prefix}_{metric}{{{HOST}}}", ["gpu"], f"{prefix}_info", ["product", "card"])


def _moving(metric: str, by: str) -> str:
    return f"topk(20, max by ({by}) (rate({metric}{{{HOST}}}[$__rate_interval])) > 0)"


def _bytes(way: str) -> str:
    """What each GPU sends or receives over all of its links."""
    return f"sum by (gpu) (max by (gpu, link) (rate(fabricscope_nvlink_{way}_bytes_total{{{HOST}}}[$__rate_interval])))"
