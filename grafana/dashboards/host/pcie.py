"""The host's PCIe links."""

from __future__ import annotations

from grafana.dashboards.panels import RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST


def section() -> Section:
    """Links as they are and could be, and errors."""
    prefix = "fabricscope_pcie"

    def of_device(metric: str) -> str:
        return (
            f"max by (address, upstream, kind, slot) ({prefix}_device_info{{{HOST}}} * on (address) group_left () "
            f"max by (address) ({metric}{{{HOST}}}))"
        )

    return Section(
        "PCIe",
        [
            [
                listing(
                    "How does each PCIe link do?",
                    "As negotiated, and as the device is capable of; the port above it may be capable of less.",
                    ("address", "upstream", "kind", "slot"),
                    Column(
                        "Link", of_device(f"{prefix}_link_up"), words={0: "gone", 1: "up"}, colours={0: RED, 1: "green"}
                    ),
                    Column("Lanes", of_device(f"{prefix}_link_width_lanes")),
                    Column("Most lanes", of_device(f"{prefix}_link_width_max_lanes")),
                    Column("Speed", of_device(f"{prefix}_link_speed_transfers_per_second"), unit="si:T/s"),
                    Column("Highest speed", of_device(f"{prefix}_link_speed_max_transfers_per_second"), unit="si:T/s"),
                ),
                graph(
                    "Which PCIe errors are there?",
                    "A second over 5 minutes. Correctable ones cost bandwidth; others lost a transaction.",
                    Query(
                        f"topk(20, device:fabricscope_pcie_aer_errors:rate5m{{{HOST}}})",
                        "{{address}} {{aer_severity}} {{error}}",
                    ),
                    unit="cps",
                ),
            ]
        ],
    )
