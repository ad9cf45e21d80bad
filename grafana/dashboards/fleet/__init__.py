"""The fleet overview: is anything wrong, where, and can what is shown be believed."""

from grafana.dashboards.fleet.page import dashboard

__all__ = ["dashboard"]
