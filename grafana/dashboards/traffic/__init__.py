"""The traffic page: what mirrored packets say, RDMA before all."""

from grafana.dashboards.traffic.page import dashboard

__all__ = ["dashboard"]
