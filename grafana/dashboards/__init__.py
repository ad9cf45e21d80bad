"""The dashboards by the name of their file."""

from __future__ import annotations

from grafana.dashboards import fleet, host, traffic

ALL = {"fleet": fleet.dashboard, "host": host.dashboard, "traffic": traffic.dashboard}
