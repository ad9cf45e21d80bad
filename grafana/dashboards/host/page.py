"""The page: what it is made of, its variables, and the section that says whether to read on."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from grafana.dashboards import panels, variables
from grafana.dashboards.host import (
    bursts,
    chassis,
    gpus,
    health,
    optics,
    pcie,
    ports,
    probe,
    queue_pairs,
    roce,
)
from grafana.dashboards.panels import ORANGE, Column, Section, listing, number
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
        [
            _overview(),
            health.section(),
            ports.ports(),
            bursts.section(),
            optics.section(),
            gpus.nvlinks(),
            gpus.gpus(),
            ports.rdma(),
            roce.section(),
            queue_pairs.section(),
            ports.ethernet(),
            pcie.section(),
            chassis.section(),
            probe.section(),
        ],
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
                    "Critical verdicts",
                    "What the probe itself finds wrong, and is urgent.",
                    _verdicts("critical"),
                    bad=True,
                ),
                number(
                    "Warnings",
                    "What the probe itself finds wrong, and can wait for the day.",
                    _verdicts("warning"),
                    bad=True,
                    colour=ORANGE,
                ),
                number(
                    "Samplers failing",
                    "Samplers that fail or hang: what they sample is not shown.",
                    f"count(max by (sampler) (fabricscope_sampler_up{{{HOST}}}) == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "Spool",
                    "What no collector has yet.",
                    f"max(fabricscope_probe_spool_bytes{{{HOST}}})",
                    unit="bytes",
                ),
            ],
            [
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
                    "NVLinks down",
                    "NVLinks that have a far end and are down.",
                    f"count(max by (gpu, link) (fabricscope_nvlink_up{{{HOST}}}) == 0 "
                    f"and on (gpu, link) fabricscope_nvlink_info{{{HOST}}}) or vector(0)",
                    bad=True,
                ),
                number(
                    "GPUs lost",
                    "GPUs that do not answer.",
                    f"count(max by (gpu) (fabricscope_gpu_up{{{HOST}}}) == 0 "
                    f"or max by (gpu) (fabricscope_amd_gpu_up{{{HOST}}}) == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "PCIe links degraded",
                    "Links that are gone, or narrower or slower than both ends are capable of. GPUs that idle are "
                    "often slower and nothing is wrong with them.",
                    f"count(max by (address, property) (fabricscope_pcie_link_degraded{{{HOST}}}) == 1 "
                    f"or max by (address) (fabricscope_pcie_link_up{{{HOST}}}) == 0) or vector(0)",
                    bad=True,
                ),
                number(
                    "Modules that complain",
                    "Optical modules with a flag raised: signal lost, a fault, or a threshold that was passed.",
                    f"count(max by (device) (fabricscope_optics_flag{{{HOST}}}) == 1) or vector(0)",
                    bad=True,
                ),
            ],
            [
                listing(
                    "What runs here?",
                    "The probe's version as the collector knows it, the boot that it reports from, and the series "
                    "that it sends.",
                    ("version", "boot_id"),
                    Column(
                        "Series",
                        f"max by (version, boot_id) (fabricscope_host_info{{{_OF_HOST}}}) "
                        f"* on () group_left () max(fabricscope_host_series{{{_OF_HOST}}})",
                    ),
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


def _verdicts(severity: str) -> str:
    return f'max(fabricscope_health_verdicts{{{HOST}, severity="{severity}"}})'
