"""A dashboard as JSON. `make generate` writes those of grafana/dashboards to grafana/json."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder


def render(dashboard: Dashboard) -> str:
    """The dashboard as Grafana reads it, with keys in order so that a change shows as what it is."""
    return json.dumps(dashboard.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
