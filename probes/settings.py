"""The `probe` section of the configuration: the settings of every component in one place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Annotated

from msgspec import Meta, Struct, field

from fabricscope import plugins
from fabricscope.exporter import ExporterSettings
from fabricscope.http import LISTEN_HELP, HttpSettings
from fabricscope.log import LogSettings
from fabricscope.settings import EXPECTED, PluginDocuments, SettingsError, plugin_settings
from fabricscope.tls import TlsSettings, require_protection, split_address
from probes.health.settings import HealthSettings
from probes.recorder.settings import RecorderSettings
from probes.sampling.governor import GovernorSettings
from probes.sampling.sampler import RESERVED_NAMES, Roots, Sampler, SamplerSettings
from probes.spool import SpoolSettings
from probes.stream import StreamSettings

HOST_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?")
"""What a host may be called."""

_LabelName = Annotated[
    str,
    Meta(
        pattern=r"^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$",
        max_length=200,
        extra={EXPECTED: "letters, digits and underscores, with no digit and no two underscores first"},
    ),
]
_LabelValue = Annotated[str, Meta(max_length=4096)]


class ProbeHttpSettings(HttpSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the probe serves HTTP."""

    listen: Annotated[str, Meta(description=LISTEN_HELP)] = ":7452"


class ProbeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the probe. Everything has a default: an empty file is a working configuration."""

    host: Annotated[
        str,
        Meta(
            pattern=rf"^({HOST_NAME.pattern})?$",
            extra={
                EXPECTED: "at most 253 letters, digits, dots, dashes and underscores, with a letter or digit first "
                "and last"
            },
            description="Name of this host as it appears everywhere; empty means the kernel's host name. "
            "With TLS it must be a name in this probe's certificate.",
        ),
    ] = ""
    labels: Annotated[
        dict[_LabelName, _LabelValue],
        Meta(
            max_length=32,
            description="Labels of this host, such as cluster, pod or rack. `cluster` goes on every series.",
        ),
    ] = field(default_factory=dict)
    collectors: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Collectors as HOST:PORT, one at a time: the first is tried first, the next is taken when one "
            "is gone, and after the last the first. None: samples are served at /metrics only.",
        ),
    ] = ()
    tls: Annotated[TlsSettings | None, Meta(description="Certificate, key and authority for the collectors.")] = None
    plaintext: Annotated[
        bool,
        Meta(description="Send to collectors on other hosts without TLS: anyone on the way may read and forge."),
    ] = False
    http: Annotated[ProbeHttpSettings, Meta(description="Where this probe serves /metrics.")] = ProbeHttpSettings()
    roots: Annotated[Roots, Meta(description="Where the kernel's file systems are mounted.")] = Roots()
    samplers: Annotated[
        PluginDocuments, Meta(description="Settings by sampler; `fabricscope samplers` lists what is installed.")
    ] = field(default_factory=dict)
    exporters: Annotated[PluginDocuments, Meta(description="Settings by exporter.")] = field(default_factory=dict)
    governor: GovernorSettings = GovernorSettings()
    health: Annotated[HealthSettings, Meta(description="Verdicts on this host's health.")] = HealthSettings()
    recorder: Annotated[RecorderSettings, Meta(description="What is kept on this host of the past.")] = (
        RecorderSettings()
    )
    spool: SpoolSettings = SpoolSettings()
    stream: StreamSettings = StreamSettings()
    log: LogSettings = LogSettings()

    def __post_init__(self) -> None:
        """Check what depends on more than one setting."""
        try:
            for address in self.collectors:
                require_protection(address, self.tls, self.plaintext, "collectors")
        except SettingsError as error:
            raise ValueError(str(error)) from error
        for address in self.collectors:
            if not split_address(address, "collectors")[0]:
                raise ValueError(f"collectors: {address!r} names no host; expected HOST:PORT")


def sampler_settings(settings: ProbeSettings) -> dict[str, SamplerSettings]:
    """The settings of every installed sampler by name. Raises SettingsError for one that is not installed."""
    return plugin_settings(plugins.SAMPLERS, settings.samplers, "probe.samplers", SamplerSettings)


def made_samplers(settings: ProbeSettings, names: Collection[str] = ()) -> Iterator[tuple[str, Sampler | str]]:
    """The samplers `names`, all enabled ones when there are none, by name; or why one cannot be made."""
    by_name = sampler_settings(settings)
    for name, found in plugins.loaded(plugins.SAMPLERS):
        if name not in names and (names or not by_name[name].enabled):
            continue
        if isinstance(found, plugins.PluginError):
            yield name, str(found)
        elif name in RESERVED_NAMES:
            yield name, "its name is taken by what the probe says of itself; rename its entry point"
        else:
            try:
                sampler: Sampler | str = found(by_name[name], settings.roots)
            except Exception as error:  # noqa: BLE001  one broken sampler must not blind the rest
                sampler = f"{type(error).__name__}: {error}"
            yield name, sampler


def exporter_settings(settings: ProbeSettings) -> dict[str, ExporterSettings]:
    """The settings of every installed exporter by name. Raises SettingsError for one that is not installed."""
    return plugin_settings(plugins.EXPORTERS, settings.exporters, "probe.exporters", ExporterSettings)
