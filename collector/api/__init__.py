"""HTTP out: the JSON API under /api/v1, its OpenAPI description, health, and the page."""

from collector.api.app import make_app
from collector.api.sources import RowSource, Sources

__all__ = ["RowSource", "Sources", "make_app"]
