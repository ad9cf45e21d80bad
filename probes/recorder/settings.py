"""What is recorded, and how much of it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fabricscope.model import Severity
from probes.recorder.schema import SUFFIX

_Pattern = Annotated[str, Meta(min_length=1, max_length=100)]


class EvidenceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rolling journal of what samplers gave and of every event."""

    enabled: Annotated[bool, Meta(description="Whether the journal is kept.")] = True
    interval_seconds: Annotated[
        float,
        Meta(ge=0.1, le=3600, description="Time between two samples of a sampler that are kept, in seconds."),
    ] = 10.0
    max_bytes: Annotated[
        int,
        Meta(ge=1 << 20, le=1 << 40, description="Bound on the journal's file, in bytes; the oldest goes first."),
    ] = 256 << 20


class FlightSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recordings that are kept when something happens."""

    enabled: Annotated[bool, Meta(description="Whether events freeze what is known to a file.")] = True
    kinds: Annotated[
        tuple[_Pattern, ...],
        Meta(max_length=100, description="Kinds of event that do; `*` and `?` stand for any letters."),
    ] = ("*.down", "*.flapped", "*.removed", "verdict.raised", "kernel.*", "gpu.*", "nvlink.*")
    min_severity: Annotated[
        Literal["info", "warning", "critical"], Meta(description="Events that are less severe do not.")
    ] = "warning"
    min_interval_seconds: Annotated[
        float,
        Meta(ge=0, le=86400, description="Time between two recordings, in seconds: events in between make none."),
    ] = 60.0
    after_seconds: Annotated[
        float, Meta(ge=0, le=60, description="How much of what follows the event is recorded too, in seconds.")
    ] = 2.0
    evidence_seconds: Annotated[
        float, Meta(ge=0, le=86400, description="How much of the journal goes into a recording, in seconds.")
    ] = 900.0
    max_recordings: Annotated[
        int, Meta(ge=1, le=10_000, description="Recordings that are kept; the oldest goes first.")
    ] = 50
    max_bytes: Annotated[
        int, Meta(ge=1 << 20, le=1 << 40, description="Bound on all recordings together, in bytes.")
    ] = 1 << 30


class RecorderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the recorder."""

    directory: Annotated[
        str, Meta(min_length=1, description="Directory of the journal and, below it, of the recordings.")
    ] = "/var/lib/fabricscope"
    evidence: EvidenceSettings = EvidenceSettings()
    flight: FlightSettings = FlightSettings()

    @property
    def journal(self) -> Path:
        """The file of the journal."""
        return Path(self.directory, f"evidence{SUFFIX}")

    @property
    def recordings(self) -> Path:
        """The directory of the recordings."""
        return Path(self.directory, "recordings")


def severity(name: str) -> Severity:
    """The severity of a setting's word."""
    return Severity[name.upper()]
