"""The host page: one host's ports, PCIe links and probe."""

from grafana.dashboards.host.page import dashboard

__all__ = ["dashboard"]
