"""Why NVML gives no answer, in the terms of those who ask."""

from __future__ import annotations


class NvmlError(OSError):
    """NVML gives no answer; says why."""


class NotNow(NvmlError):
    """It is starting, or still busy with an earlier request: the next sample may have an answer."""


class Hung(NvmlError):
    """The driver did not answer in time, or the child that hangs in it cannot be killed."""

    def __init__(self, reason: str, number: int | None) -> None:
        super().__init__(reason)
        self.number = number
        """The GPU in which it hangs; None when it is in no single one."""
