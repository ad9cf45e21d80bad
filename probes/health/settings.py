"""Settings of health verdicts: `probe.health`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class HealthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Verdicts on this host's health."""

    enabled: Annotated[bool, Meta(description="Whether the probe judges what it samples.")] = True
    rules: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Files of health rules, or folders of them (*.yaml), over those that are shipped: they change, "
            "switch off or add rules. Later ones have the last word.",
        ),
    ] = ()
    state: Annotated[
        str,
        Meta(
            description="File of the active verdicts, for restarts and for `fabricscope doctor`; long pasts are kept "
            "beside it, in the same name with .pasts. Its directory is made when it is not there; empty keeps nothing."
        ),
    ] = "/var/lib/fabricscope/health.json"
