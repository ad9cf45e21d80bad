"""The host's PCIe links, and memory behind CXL."""

from __future__ import annotations

from grafana.dashboards.host.joins import described
from grafana.dashboards.panels import GREEN, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_PREFIX = "fabricscope_pcie"


def section() -> Section:
    """Links that are not as they should be with both of their ends, all links, and errors."""
    ends = ("kind", "upstream", "upstream_kind", "slot", "root_port")
    broken = (
        f"fabricscope_pcie_link_degraded{{{HOST}}} == 1 "
        f'or label_replace(fabricscope_pcie_link_up{{{HOST}}} == 0, "property", "link", "", "")'
    )
    return Section(
        "PCIe",
        [
            [
                listing(
                    "Which PCIe links are degraded, and between what?",
                    "`width` is a fault. `speed` may be a GPU that idles. `link` means that the device is gone. Look "
                    "at the contacts of `slot`, or at what is between `address` and `upstream`: riser, retimer, cable.",
                    ("address", "property", *ends),
                    Column(
                        "Degraded",
                        _with_ends(f"max by (address, property) ({broken})", ends),
                        words={0: "gone", 1: "yes"},
                        colours={0: RED, 1: RED},
                    ),
                ),
                graph(
                    "Which PCIe errors are there?",
                    "A second over 5 minutes. Correctable ones cost bandwidth; others lost a transaction. The end that "
                    "receives counts, so look at both.",
                    Query(
                        f"topk(20, device:fabricscope_pcie_aer_errors:rate5m{{{HOST}}})",
                        "{{address}} {{aer_severity}} {{error}}",
                    ),
                    unit="cps",
                ),
            ],
            [
                listing(
                    "How does each PCIe link do?",
                    "As negotiated, and as the device is capable of; the port above it may be capable of less.",
                    ("address", "upstream", "kind", "slot"),
                    Column("Link", _of_device("link_up"), words={0: "gone", 1: "up"}, colours={0: RED, 1: GREEN}),
                    Column("Speed", _of_device("link_speed_transfers_per_second"), unit="si:T/s"),
                    Column("Highest speed", _of_device("link_speed_max_transfers_per_second"), unit="si:T/s"),
                    Column("Lanes", _of_device("link_width_lanes")),
                    Column("Most lanes", _of_device("link_width_max_lanes")),
                    lowest_first="Link",
                ),
                listing(
                    "How does memory behind CXL do?",
                    "Memory devices by their place on PCIe; a slow or narrow link there is slow memory.",
                    ("device", "address"),
                    Column(
                        "State",
                        f"max by (device, address) (fabricscope_cxl_memory_up{{{HOST}}})",
                        words={0: "down", 1: "up"},
                        colours={0: RED, 1: GREEN},
                    ),
                    Column("Size", _of_memory("size_bytes"), unit="bytes"),
                    lowest_first="State",
                ),
            ],
        ],
    )


def _of_device(metric: str) -> str:
    """A metric of each device, with what the device is."""
    return described(
        f"{_PREFIX}_{metric}{{{HOST}}}", ["address"], f"{_PREFIX}_device_info", ["upstream", "kind", "slot"]
    )


def _of_memory(metric: str) -> str:
    """What the partitions of a CXL memory device have together, with its place on PCIe."""
    value = f"sum by (device) (max by (device, partition) (fabricscope_cxl_memory_{metric}{{{HOST}}}))"
    return described(value, ["device"], "fabricscope_cxl_memory_info", ["address"])


def _with_ends(value: str, ends: tuple[str, ...]) -> str:
    """A value by address and property, with what is known of both ends of the link."""
    known = f"max by ({', '.join(['address', *ends])}) ({_PREFIX}_link_info{{{HOST}}})"
    return f"{value} * on (address) group_left ({', '.join(ends)}) {known} or on (address, property) {value}"
