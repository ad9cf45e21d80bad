"""Capture files through the engine: read and judged, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from fabricscope.books import Books, decode_books
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.flow import decode_records
from probes.engine import CaptureFile, Meter
from probes.flows.judging import Judged, Judging

PACKETS = 100_000
"""Packets that are read in one step."""
_PACED = 64
"""The same when they are read as slowly as they came."""

Pause = Callable[[float], bool]
"""Waits for seconds at most; true when it is enough and nothing more is to be read, such as threading.Event.wait."""


class Step(NamedTuple):
    """Some packets further."""

    octets: int
    """Read of the file."""
    size: int | None
    """Of the file; None for what has none, such as a pipe."""
    packets: int
    """Read of the file."""
    judged: Judged
    """What was told meanwhile."""


class Reading:
    """Reads files one after the other as one capture: flows go on from one to the next."""

    def __init__(self, meter: Meter, judging: Judging, clock: Clock) -> None:
        self._meter = meter
        self._judging = judging
        self._clock = clock
        self._filtered = 0
        self._dropped: int | None = None
        self.notices: list[str] = []
        """What is wrong with files of which some could be read."""

    def read(self, file: CaptureFile) -> Iterator[Step]:
        """Read a file to where it ends for now. What is wrong behind its beginning becomes a notice."""
        count = -1
        while count:
            try:
                count = self._meter.read(file, PACKETS)
            except (OSError, ValueError) as error:
                self.notices.append(str(error))
                count = 0
            yield self._step(file)

    def read_in_pace(self, file: CaptureFile, pause: Pause) -> Iterator[Step]:
        """Read a file as slowly as its packets came, until `pause` says that it is enough."""
        began: tuple[int, int] | None = None
        while frames := self._frames(file):
            for time_ns, wire_octets, link, octets, vlan in frames:
                now = self._clock().mono
                began = began or (time_ns, now)
                if (ahead := (time_ns - began[0]) - (now - began[1])) > 0 and pause(ahead / NANOSECONDS):
                    yield self._step(file)
                    return
                self._meter.observe(time_ns, link, octets, wire_octets, vlan)
            yield self._step(file)

    def _frames(self, file: CaptureFile) -> Sequence[tuple[int, int, int, bytes, int | None]]:
        try:
            return file.frames(_PACED)
        except (OSError, ValueError) as error:
            self.notices.append(str(error))
            return []

    def close(self, file: CaptureFile) -> None:
        """Take down what a file says of itself, and close it."""
        _, filtered, dropped = file.counts()
        self._filtered += filtered
        if dropped is not None:
            self._dropped = (self._dropped or 0) + dropped
        file.close()

    def finish(self) -> Iterator[Judged]:
        """Have everything told that is left."""
        done = False
        while not done:
            done = self._meter.finish()
            yield self._take()

    def books(self) -> Books:
        """Where every packet went."""
        return decode_books(self._meter.books())

    def capture(self, names: Sequence[str]) -> dict[str, Any]:
        """What the files say of themselves."""
        return {"files": list(names), "filtered": self._filtered, "dropped": self._dropped, "notices": self.notices}

    def _step(self, file: CaptureFile) -> Step:
        packets, _, _ = file.counts()
        octets, size = file.position()
        return Step(octets, size, packets, self._take())

    def _take(self) -> Judged:
        return self._judging.judge(decode_records(self._meter.take()), self._clock())
