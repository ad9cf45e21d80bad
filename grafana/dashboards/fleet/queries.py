"""PromQL that more than one section of the fleet overview asks.

Recording rules stand in for raw counters, which are too many in a large fleet.
"""

from __future__ import annotations

from grafana.dashboards.variables import FLEET

OF_HOSTS = 'cluster=~"$cluster"'
"""Selects what a collector says about hosts."""
HOST_UP = f"max by (cluster, host) (fabricscope_host_up{{{OF_HOSTS}}})"
PORT = ("cluster", "host", "link", "device", "port")
UP, UP_IN_A_DAY = (f"port:fabricscope_port_up:{how}{{{FLEET}}}" for how in ("max", "max1d"))
SPEED, SPEED_IN_A_DAY = (f"port:fabricscope_port_speed_bytes_per_second:{how}{{{FLEET}}}" for how in ("max", "max1d"))
PCIE_BROKEN = (
    f"max by (cluster, host, address, upstream, property) (fabricscope_pcie_link_degraded{{{FLEET}}}) == 1 "
    f"or max by (cluster, host, address, upstream, property) "
    f'(label_replace(fabricscope_pcie_link_up{{{FLEET}}} == 0, "property", "link", "", ""))'
)


def count(expr: str) -> str:
    """How many series `expr` gives; 0 when it gives none."""
    return f"count({expr}) or vector(0)"
