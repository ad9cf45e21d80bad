"""What a ring of steps holds, told to who did not fill it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from probes.engine.ring import Frozen


class StepChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """What one column of steps counts."""

    group: int
    """Channels of a group are read together, and share a time."""
    device: str
    port: str
    counter: str
    unit: str
    """`bytes`, `packets` or another word for what is counted."""
    scale: int = 1
    """Factor from the recorded count to the unit, such as 4 for InfiniBand data words."""


class FrozenSteps(NamedTuple):
    """Steps as they were at one time."""

    blocks: Sequence[Frozen]
    layouts: Mapping[int, Sequence[StepChannel]]
    """The channels of each layout that a block has, in the order of their groups."""
