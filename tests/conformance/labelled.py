"""Flows of nDPI's captures with what the shipped rules call them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fabricscope.flow import Classification
from tests.conformance import ndpi
from tests.conformance.metered import metered

NAMES = {
    label: frozenset(names)
    for label, names in json.loads(Path(__file__).with_name("ndpi_names.json").read_text("utf-8")).items()
}
"""What nDPI calls each label."""
KNOWN = frozenset[str]().union(*NAMES.values())
"""What some rule is for, in nDPI's words."""
_NOTHING = Classification("", "", 0.0, [], 0, [], [])


class Flow(NamedTuple):
    """One flow, by both."""

    capture: str
    ours: Classification
    theirs: ndpi.Row

    @property
    def what(self) -> str:
        """For a message."""
        return f"{self.capture}: {'/'.join(sorted(self.theirs.protocols))}"

    @property
    def fields(self) -> dict[str, str]:
        """What was read out of it."""
        return dict(self.ours.fields)

    @property
    def right(self) -> bool:
        """Whether both mean the same."""
        return bool(NAMES.get(self.ours.label, frozenset()) & self.theirs.protocols)


@cache
def flows() -> tuple[Flow, ...]:
    """All flows of all captures."""
    return tuple(_flows())


def _flows() -> Iterator[Flow]:
    for name, rows in sorted(ndpi.rows().items()):
        records = metered(ndpi.capture(name), rules=True).records
        ours = {ndpi.key_of(record): record.classification for record in reversed(records)}
        yield from (Flow(name, ours.get(row.key, _NOTHING), row) for row in rows)
