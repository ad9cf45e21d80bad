r"""The kernel's log, record by record, from `<dev>/kmsg`.

Kernel documentation: Documentation/ABI/testing/dev-kmsg. Each read gives one record,
`PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT` and then ` KEY=VALUE` lines, what cannot be printed as `\xNN`.
Reading disturbs nobody: every descriptor has a place of its own. With kernel.dmesg_restrict it takes CAP_SYSLOG.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fabricscope.model import Now
from probes.sources.sysfs import errno_name

MAX_RECORD_BYTES = 8192
"""What the kernel renders at most (CONSOLE_EXT_LOG_MAX, later PRINTK_MESSAGE_MAX)."""
MAX_TEXT = 2048
"""Characters of a record's text that are kept."""
MAX_PROPERTIES = 16
"""`KEY=VALUE` lines of a record that are kept; the kernel has two."""
MAX_OVERRUNS = 16
"""How often in one read the log may run away from us before the rest is left to the next."""

_REMEDY = {
    errno.ENOENT: "a systemd unit with PrivateDevices=yes has none: it takes PrivateDevices=no and "
    "DeviceAllow=/dev/kmsg r",
    errno.EPERM: "it takes CAP_SYSLOG (AmbientCapabilities=CAP_SYSLOG, ProtectKernelLogs=no) and the device "
    "(DeviceAllow=/dev/kmsg r)",
    errno.EACCES: "it takes CAP_SYSLOG, or a group that may read the file",
}
_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")


class KernelLogError(OSError):
    """The log cannot be opened or read; says what that takes."""


class RecordError(ValueError):
    """Not a record of the kernel's log."""


class Record(NamedTuple):
    """One record."""

    facility: int
    """Who wrote it: 0 is the kernel itself, everything else came through a write to /dev/kmsg."""
    level: int
    """0 (emergency) to 7 (debug)."""
    sequence: int
    """Counts every record since boot; a gap is what was lost."""
    boot_ns: int
    """Time since boot by the clock of printk, which is not adjusted as CLOCK_MONOTONIC is."""
    text: str
    properties: dict[str, str]
    """`SUBSYSTEM` and `DEVICE` (`+pci:0000:17:00.0`, `n8` by interface index), where a driver named its device."""


class Batch(NamedTuple):
    """What one read brought."""

    records: Sequence[Record]
    lost: int
    """Records that were overwritten, or were too long, before they could be read."""
    malformed: int
    """Records that were something else than documented."""
    caught_up: bool
    """Whether there was nothing more to read."""


class KernelLog:
    """The log from where the descriptor stands. `read_bytes` takes a descriptor and a length, as os.read does."""

    def __init__(self, path: Path, read_bytes: Callable[[int, int], bytes] = os.read) -> None:
        self.path = path
        self._read_bytes = read_bytes
        self._descriptor: int | None = None
        self._expected: int | None = None
        """The sequence number of the next record, once there was one."""

    @property
    def descriptor(self) -> int | None:
        """Readable when there is a record; None while the log is not open."""
        return self._descriptor

    def open(self, *, from_boot: bool = False) -> None:
        """Open it at its end, or at the oldest record that the kernel still has. Raises KernelLogError."""
        self.close()
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise _refused(self.path, error) from error
        if not from_boot:
            try:
                os.lseek(descriptor, 0, os.SEEK_END)
            except OSError as error:
                # What cannot be positioned, as a pipe that a container puts there, begins where it is.
                if error.errno != errno.ESPIPE:
                    os.close(descriptor)
                    raise _refused(self.path, error) from error
        self._descriptor, self._expected = descriptor, None

    def begin(self, *, from_boot: bool = False) -> bool:
        """Open it unless it is open; whether it was opened now. Raises KernelLogError."""
        if self._descriptor is not None:
            return False
        self.open(from_boot=from_boot)
        return True

    def read(self, limit: int) -> Batch:
        """Up to `limit` records that have come since the last call. Raises KernelLogError; it is closed then."""
        records: list[Record] = []
        lost = malformed = overruns = 0
        caught_up = False
        while len(records) + malformed < limit and overruns < MAX_OVERRUNS:
            try:
                content = self._next()
            except BlockingIOError:
                caught_up = True
                break
            except OSError as error:
                # EPIPE: overwritten before we came to it; the next read is at the oldest that is left, and its number
                # says how many were lost. EINVAL: longer than our buffer; it is passed over.
                if error.errno not in (errno.EPIPE, errno.EINVAL):
                    self.close()
                    raise _refused(self.path, error) from error
                overruns += 1
                continue
            if not content:
                caught_up = True
                break
            try:
                record = parse_record(content)
            except RecordError:
                malformed += 1
                self._expected = None if self._expected is None else self._expected + 1
                continue
            if self._expected is not None:
                lost += max(record.sequence - self._expected, 0)
            self._expected = record.sequence + 1
            records.append(record)
        return Batch(records, lost, malformed, caught_up)

    def check(self) -> None:
        """Find out whether it can be opened. Raises KernelLogError."""
        if self._descriptor is None:
            probe = KernelLog(self.path)
            probe.open()
            probe.close()

    def close(self) -> None:
        """Give the descriptor back; the log can be opened again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _next(self) -> bytes:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "not open")
        return self._read_bytes(self._descriptor, MAX_RECORD_BYTES)


class LogClock:
    """Tells when a record was written, by the host's clocks.

    printk's clock runs free: after weeks it is seconds or minutes off CLOCK_MONOTONIC. A record that has just come
    shows by how much: it is at most as old as the time since the last read. The smallest such difference is kept, and
    allowed to grow as much as a free clock can drift.
    """

    MAX_DRIFT = 1000
    """A clock gains or loses less than one part in so many."""

    def __init__(self) -> None:
        self._ahead: int | None = None
        """By how many nanoseconds CLOCK_MONOTONIC is ahead of printk's clock."""
        self._measured = 0

    def observe(self, newest: Record, now: Now) -> None:
        """Learn from the last record of a batch that caught up, read at `now`, when the batch before it did so too."""
        ahead = now.mono - newest.boot_ns
        if self._ahead is not None:
            ahead = min(ahead, self._ahead + (now.mono - self._measured) // self.MAX_DRIFT)
        self._ahead, self._measured = ahead, now.mono

    def time_of(self, record: Record, now: Now) -> Now:
        """When the record was written; never later than `now`."""
        mono = min(record.boot_ns + (self._ahead or 0), now.mono)
        return Now(wall=max(now.wall - (now.mono - mono), 0), mono=max(mono, 0))


def parse_record(content: bytes) -> Record:
    """One record as the kernel renders it. Raises RecordError."""
    head, separator, body = content[:MAX_RECORD_BYTES].partition(b";")
    fields = head.split(b",", 4)
    if not separator or len(fields) < 3:
        raise RecordError(f"not PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT: {content[:40]!r}")
    priority, sequence, microseconds = map(_number, fields[:3])
    text, _, rest = body.partition(b"\n")
    lines = rest.split(b"\n", MAX_PROPERTIES)[:MAX_PROPERTIES] if rest else ()
    properties = (_decoded(line[1:]).partition("=") for line in lines if line.startswith(b" "))
    return Record(
        facility=priority >> 3,
        level=priority & 7,
        sequence=sequence,
        boot_ns=microseconds * 1000,
        text=_decoded(text),
        properties={key: value for key, equals, value in properties if equals},
    )


def _number(field: bytes) -> int:
    # 20 digits hold 64 bits; int() would take signs, blanks and underscores as well.
    if not field.isdigit() or len(field) > 20:
        raise RecordError(f"not a number: {field[:40]!r}")
    return int(field)


def _decoded(text: bytes) -> str:
    """The text with its escapes undone, one line of it, and `?` for what cannot be printed."""
    if b"\\x" in text:
        text = _ESCAPE.sub(lambda found: bytes((int(found.group(1), 16),)), text)
    line = text.decode("utf-8", "replace")[:MAX_TEXT]
    return line if line.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in line)


def _refused(path: Path, error: OSError | ValueError) -> KernelLogError:
    if isinstance(error, ValueError):
        return KernelLogError(f"{path} is not a path")
    remedy = _REMEDY.get(error.errno or 0)
    return KernelLogError(f"{path} cannot be read ({errno_name(error)})" + (f": {remedy}" if remedy else ""))
