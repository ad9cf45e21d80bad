"""The `collector` section of the configuration: the settings of every component in one place."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from collector.server import GrpcSettings
from collector.state import StateSettings
from collector.store import StoreSettings
from fabricscope import plugins
from fabricscope.exporter import ExporterSettings
from fabricscope.http import LISTEN_HELP, HttpSettings
from fabricscope.log import LogSettings
from fabricscope.settings import PluginDocuments, plugin_settings


class CollectorHttpSettings(HttpSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the collector serves HTTP."""

    listen: Annotated[str, Meta(description=LISTEN_HELP)] = "127.0.0.1:7451"


class CollectorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the collector. Everything has a default: an empty file is a working configuration."""

    data_dir: Annotated[str, Meta(description="Directory of the embedded store; made when it is not there.")] = (
        "/var/lib/fabricscope-collector"
    )
    grpc: Annotated[GrpcSettings, Meta(description="Where probes send to.")] = GrpcSettings()
    http: Annotated[CollectorHttpSettings, Meta(description="Where /metrics, the API and the page are served.")] = (
        CollectorHttpSettings()
    )
    state: StateSettings = StateSettings()
    store: StoreSettings = StoreSettings()
    exporters: Annotated[PluginDocuments, Meta(description="Settings by exporter.")] = field(default_factory=dict)
    log: LogSettings = LogSettings()


def exporter_settings(settings: CollectorSettings) -> dict[str, ExporterSettings]:
    """The settings of every installed exporter by name. Raises SettingsError for one that is not installed."""
    return plugin_settings(plugins.EXPORTERS, settings.exporters, "collector.exporters", ExporterSettings)
