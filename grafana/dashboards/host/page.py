"""The page: what it is made of, its variables, and the section that says whether to read on."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from grafana.dashboards import panels, variables
from grafana.dashboards.host import pcie, ports, probe
from grafana.dashboards.panels import Column, Section, listing, number
from grafana.dashboards.variables import HOST

_OF_HOST = 'cluster="$cluster", host="$host"'
"""Selects what a collector says about the host."""


def dashboard() -> Dashboard:
    """The page that the fleet's tables link to."""
    back = (
        builders.DashboardLink("Fleet")
        .type(DashboardLinkType.LINK)
        .icon("arrow-left")
        .url(f"/d/{panels.FLEET_UID}")
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )
    return panels.arrange(
        panels.HOST_UID,
        "Fabricscope: host",
        "What one host's fabric does, and whether its probe can be believed.",
        [variables.datasource(), variables.job(), variables.cluster(several=False), variables.host()],
        [_overview(), ports.ports(), ports.rdma(), ports.ethernet(), pcie.section(), probe.section()],
    ).link(back)


def _overview() -> Section:
    return Section(
        "Is this host well?",
        [
            [
                number(
                    "Heard by a collector",
                    "Silent: its values were withdrawn.",
                    f"max(fabricscope_host_up{{{_OF_HOST}}})",
                    words={0: "silent", 1: "heard"},
                ),
                number(
                    "Last heard",
                    "Time since the collector heard its probe.",
                    f"time() - max(fabricscope_host_last_seen_timestamp_seconds{{{_OF_HOST}}})",
                    unit="s",
                ),
                number(
                    "Ports up",
                    "Ports that are switched on and up.",
                    f"sum(port:fabricscope_port_up:max{{{HOST}}})",
                ),
                number(
                    "Ports down",
                    "Ports that are switched on and down, those without a cable included.",
                    f"count(port:fabricscope_port_up:max{{{HOST}}} == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "PCIe links degraded",
                    "Links that are gone, or narrower or slower than both ends are capable of.",
                    f"count(max by (address, property) (fabricscope_pcie_link_degraded{{{HOST}}}) == 1 "
                    f"or max by (address) (fabricscope_pcie_link_up{{{HOST}}}) == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "Samplers failing",
                    "Samplers that fail or hang.",
                    f"count(max by (sampler) (fabricscope_sampler_up{{{HOST}}}) == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "Series",
                    "Series that the probe sends to the collector.",
                    f"max(fabricscope_host_series{{{_OF_HOST}}})",
                ),
                number(
                    "Spool",
                    "What no collector has yet.",
                    f"max(fabricscope_probe_spool_bytes{{{HOST}}})",
                    unit="bytes",
                ),
            ],
            [
                listing(
                    "What runs here?",
                    "The probe's version as the collector knows it, and the boot that it reports from.",
                    ("version", "boot_id"),
                    Column("Heard", f"max by (version, boot_id) (fabricscope_host_info{{{_OF_HOST}}})"),
                ),
                listing(
                    "Which counters cannot be trusted?",
                    "Saturated ones are full, reset ones started anew, stale and unreadable ones are withdrawn. A port "
                    "that is down has a stale rate.",
                    ("quality", "metric", "device", "port", "address"),
                    Column(
                        "Series",
                        "topk(100, max by (quality, metric, device, port, address) "
                        f"(fabricscope_series_quality{{{HOST}}}))",
                    ),
                ),
            ],
        ],
    )
