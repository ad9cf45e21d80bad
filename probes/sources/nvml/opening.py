"""How long NVML may take to start, judged by where the child is in it.

Without a persistence daemon the driver initialises every GPU anew when NVML is opened, for seconds each. So a start is
late when it stands still, not when it is long: the child says which GPU it is about to open (wire.py). A late start is
told at once, and is left alone for longer than that: it may be a driver that is being loaded.
"""

from __future__ import annotations

from fabricscope.clock import NANOSECONDS
from probes.sources.nvml.wire import OPENING, READY

LATE_NS = 10 * NANOSECONDS
"""In one GPU, or in the start itself: what an opening takes without a persistence daemon, several times over."""
LATE_PER_GPU_NS = 3 * NANOSECONDS
"""Added to that for each GPU in the host while the child is in no single one: nvmlInit attaches them all."""
MAX_LATE_NS = 60 * NANOSECONDS
"""However many there are."""
LOOK_NS = NANOSECONDS
"""Between two looks at where the child is."""
OPEN_NS = 120 * NANOSECONDS
"""In no single GPU, after which the child is killed."""
OPEN_GPU_NS = 30 * NANOSECONDS
"""In one GPU, after which the child is killed, so that the others are seen."""


class Opening:
    """One start of NVML."""

    def __init__(self, now_ns: int, gpus: int) -> None:
        """`gpus` are those that the host has, as far as is known."""
        self._since, self._place = now_ns, OPENING
        self._patience = min(LATE_NS + LATE_PER_GPU_NS * gpus, MAX_LATE_NS)

    @property
    def gpu(self) -> int | None:
        """NVML's index of the GPU that it is in; None when it is in no single one."""
        return None if self._place == OPENING else self._place

    @property
    def late_ns(self) -> int:
        """How long it may stand still before that is told."""
        return self._patience if self.gpu is None else LATE_NS

    @property
    def late_at(self) -> int:
        """When it is late if it goes on standing still (monotonic ns)."""
        return self._since + self.late_ns

    @property
    def limit_ns(self) -> int:
        """How long it may stand still before the child is killed."""
        return OPEN_NS if self.gpu is None else OPEN_GPU_NS

    def look(self, place: int, now_ns: int) -> int:
        """Take in where the child is now. When to look again (monotonic ns), while it is waited for."""
        # Ready to speak of it, but not heard yet: it is in no GPU.
        place = OPENING if place == READY else place
        if place != self._place:
            self._place, self._since = place, now_ns
        return min(self.late_at, now_ns + LOOK_NS)

    def late(self, now_ns: int) -> bool:
        """Whether it is to be told that NVML does not open."""
        return now_ns >= self.late_at

    def over(self, now_ns: int) -> bool:
        """Whether the child has had its time."""
        return now_ns >= self._since + self.limit_ns
