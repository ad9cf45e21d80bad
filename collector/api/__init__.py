"""HTTP out: the JSON API under /api/v1, its OpenAPI description, health, and the page."""

from collector.api.app import make_app
from collector.api.endpoints import EventSource, Sources

__all__ = ["EventSource", "Sources", "make_app"]
