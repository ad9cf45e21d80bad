"""What a sampler is. Adding one: a file, its entry point, its test and its fixture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Protocol, runtime_checkable

from msgspec import Meta, Struct

from fabricscope.flow import Flow
from fabricscope.model import Event, MetricSpec, Now, Reading

OWN_NAME = "probe"
"""What the probe's own figures go by."""
RESERVED_NAMES = frozenset({OWN_NAME, "health"})
"""No sampler may be called so: `health` are the verdicts."""


class Roots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the kernel's file systems are; tests and containers put them elsewhere."""

    sys: Annotated[str, Meta(description="The sysfs to read.")] = "/sys"
    proc: Annotated[str, Meta(description="The procfs to read.")] = "/proc"
    dev: Annotated[str, Meta(description="The device files to read.")] = "/dev"

    def sysfs(self, *parts: str) -> Path:
        """A path below the sysfs root."""
        return Path(self.sys, *parts)

    def procfs(self, *parts: str) -> Path:
        """A path below the procfs root."""
        return Path(self.proc, *parts)

    def devfs(self, *parts: str) -> Path:
        """A path below the root of device files."""
        return Path(self.dev, *parts)


class SamplerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every sampler can be told; a sampler's own settings extend it."""

    enabled: Annotated[bool, Meta(description="Whether this sampler runs.")] = True
    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = 1.0
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale.",
        ),
    ] = 0.8


Row = Reading | Event | Flow
"""What a sampler gives: values, what happened, and flow records."""


class Sampler(Protocol):
    """Reads one counter domain.

    Made by its class with `(settings, roots)`. Runs in a thread of its own, one call at a time.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[SamplerSettings]]
    metrics: ClassVar[Sequence[MetricSpec]]
    """The table of everything that `sample` can yield: docs/reference/metrics.md is made from it."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample here, for `fabricscope samplers`; None when there is something.

        Asked again and again, so that what is plugged in later is found.
        """
        ...

    def sample(self, now: Now) -> Iterable[Row]:
        """Every value at this moment, counters raw as the device has them, and what happened since the last call.

        What is unsupported is left out; what should be there and cannot be read is a reading of
        quality UNREADABLE. Events are those that the domain itself tells of, such as a line of the kernel's log;
        those that follow from watched values are made elsewhere. Flows are records that were written since the last
        call. Raises OSError when the whole domain cannot be read;
        events and flows that it gave before that are told all the same.
        """
        ...

    def close(self) -> None:
        """Give back descriptors and sockets."""
        ...


@runtime_checkable
class Waking(Protocol):
    """A sampler that need not wait for its next tick when the kernel has news."""

    def wake_descriptor(self) -> int | None:
        """A descriptor that is readable when there is something to sample; None while there is none.

        Asked after each sample, which is to have read all that made it readable.
        """
        ...
