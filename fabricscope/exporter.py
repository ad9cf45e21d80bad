"""What an exporter is: snapshots in, a protocol out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from fabricscope import log, plugins
from fabricscope.model import Kind, MetricSpec, Snapshot
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally

FAILURES = MetricSpec(
    "fabricscope_exporter_failures_total",
    Kind.COUNTER,
    "Times that an exporter failed while it ran; it is off until the daemon is restarted.",
    ("exporter",),
)
METRICS = (FAILURES,)


class ExporterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every exporter can be told; an exporter's own settings extend it."""

    enabled: Annotated[bool, Meta(description="Whether this exporter runs.")] = True


class Exporter(Protocol):
    """An outward sink, found by entry point. Made by its class with `(settings, source)`.

    `source` gives the snapshot of the moment. An exporter that is asked (Prometheus) gives routes; one
    that pushes gives none and works in `run`, which the daemon cancels when it stops.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ExporterSettings]]

    def __init__(self, settings: Any, source: Callable[[], Snapshot]) -> None: ...

    def routes(self) -> Sequence[BaseRoute]:
        """What it serves on the daemon's HTTP listener."""
        ...

    async def run(self) -> None:
        """What it does by itself; returns at once when that is nothing. What it raises switches it off."""
        ...


def make_exporters(settings: Mapping[str, ExporterSettings], source: Callable[[], Snapshot]) -> list[Exporter]:
    """Every installed exporter that is enabled; one that does not load or start is logged and left out.

    Raises SettingsError when one cannot work as configured.
    """
    made = []
    for name, found in plugins.loaded(plugins.EXPORTERS):
        if isinstance(found, plugins.PluginError):
            _left_out(name, str(found))
        elif settings[name].enabled:
            try:
                made.append(found(settings[name], source))
            except SettingsError:
                raise
            except Exception as error:  # noqa: BLE001  whatever a foreign class does stops nobody else
                _left_out(name, f"{type(error).__name__}: {error}")
    return made


async def run_exporter(exporter: Exporter, tally: Tally) -> None:
    """Let an exporter do what it does by itself. One that fails is logged, counted, and stops nobody else."""
    tally.add(FAILURES, exporter.name, by=0)
    try:
        await exporter.run()
    except Exception as error:  # noqa: BLE001  whatever a foreign class does stops nobody else
        tally.add(FAILURES, exporter.name)
        log.get("exporters").error(
            "exporter failed, it is off until the daemon is restarted",
            exporter=exporter.name,
            reason=f"{type(error).__name__}: {error}",
        )


def _left_out(name: str, reason: str) -> None:
    log.get("exporters").error("exporter left out", exporter=name, reason=reason)
