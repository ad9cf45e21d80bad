"""Live capture, which is the Rust engine's alone: what Python says to who asks for it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import NoReturn

from probes.engine.captures.file import CapturedFrame
from probes.engine.captures.program import Instruction

NEEDED = "live capture needs the Rust engine; install cargo and `make install`, or replay a capture file"


class Ring:
    """A ring on an interface. There is none here."""

    @staticmethod
    def open(
        interface: str | None,
        count: int = 1,
        *,
        snap: int = 0,
        filter: Sequence[Instruction] | None = None,  # noqa: A002 - what it is
        promiscuous: bool = False,
        outgoing: bool = False,
        hardware_time: bool = False,
        block_octets: int = 1 << 20,
        blocks: int = 64,
        retire_ms: int = 20,
    ) -> list[Ring]:
        """Raises OSError."""
        raise refused()

    def wait(self, timeout_ms: int) -> bool:
        """Raises OSError."""
        raise refused()

    def frames(self, limit: int) -> list[CapturedFrame]:
        """Raises OSError."""
        raise refused()

    def skip(self, limit: int) -> tuple[int, int]:
        """Raises OSError."""
        raise refused()

    def counts(self) -> tuple[int, int, int, int, int | None, int, int]:
        """Raises OSError."""
        raise refused()

    def close(self) -> None:
        """There is nothing to close."""


def steering() -> NoReturn:
    """The program that steers packets to the rings of a group. Raises OSError."""
    raise refused()


def refused() -> OSError:
    """What is wrong, and what can be done."""
    return OSError(errno.ENOSYS, NEEDED)
