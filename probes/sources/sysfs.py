"""Attributes of sysfs: small text files below a root, and the directories that hold them.

Kernel documentation: Documentation/filesystems/sysfs.rst. An attribute is absent (None), or it is text, or it is
there and yields nothing usable (`Unreadable`). The parsers take text and touch no file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MAX_BYTES = 65536
"""The longest attribute that is read: the kernel renders one page, 64 KiB at most."""
MAX_ENTRIES = 65536
"""The longest directory that is listed."""
MAX_LABEL = 256
"""Characters of device text that become a label's value."""

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO})
"""Errors of an attribute that is not there, or whose device went away while it was read."""


class Unreadable(OSError):
    """An attribute is there and cannot be used; says which and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        """The name of an errno ("EINVAL"), or what is wrong with the text ("not a number: N/A")."""


def read_text(path: Path) -> str | None:
    """What the attribute holds, without white space around it; None when it is absent.

    Octets that are not UTF-8 become U+FFFD. Raises Unreadable, also for more than MAX_BYTES.
    """
    try:
        content = read_octets(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise Unreadable(path, errno_name(error)) from error
    except ValueError as error:
        # An embedded NUL in the path: a name that no file can have.
        raise Unreadable(path, "not a path") from error
    if len(content) > MAX_BYTES:
        raise Unreadable(path, f"longer than {MAX_BYTES} octets")
    return decoded(content)


def read_octets(path: Path) -> bytes:
    """What the attribute holds, at most one octet more than MAX_BYTES, so that the caller can tell that there was more.

    Raises OSError, and ValueError for a path that no file can have.
    """
    # Non-blocking, so that a FIFO below a strange root cannot hang the reader; sysfs does not care.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        content = b""
        while len(content) <= MAX_BYTES and (part := os.read(descriptor, MAX_BYTES + 1 - len(content))):
            content += part
        return content
    finally:
        os.close(descriptor)


def decoded(content: bytes) -> str:
    """An attribute's text, without white space around it. Octets that are not UTF-8 become U+FFFD."""
    return content.decode("utf-8", "replace").strip(" \t\r\n\x00")


def read_int(path: Path, base: int = 10) -> int | None:
    """The whole number in the attribute; None when it is absent. Base 0 takes 0x before hexadecimal."""
    text = read_text(path)
    if text is None:
        return None
    value = parse_int(text, base)
    if value is None:
        raise Unreadable(path, f"not a number: {printable(text, 32)}")
    return value


def read_label(path: Path) -> str:
    """The attribute's first line as a label's value: printable and short; empty when there is none to be had."""
    try:
        text = read_text(path)
    except Unreadable:
        return ""
    lines = text.splitlines() if text else []
    return printable(lines[0]) if lines else ""


def read_link_name(path: Path) -> str:
    """The last part of what a symbolic link points to, such as the driver of `device/driver`; empty when absent."""
    try:
        return printable(path.readlink().name)
    except (OSError, ValueError):
        return ""


def read_parent_name(path: Path) -> str:
    """The directory that a device's symbolic link leads into, which is the device above; empty when absent.

    `../../../devices/pci0000:00/0000:00:01.0/0000:17:00.0` has the bridge `0000:00:01.0` above it.
    """
    try:
        return printable(path.readlink().parent.name)
    except (OSError, ValueError):
        return ""


def entries(directory: Path) -> list[str]:
    """The names in a directory, sorted; none when it is absent. Raises Unreadable.

    An entry can be gone by the time it is looked at: reading it then says absent.
    """
    try:
        with os.scandir(directory) as found:
            names = _names(found)
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise Unreadable(directory, errno_name(error)) from error
    if len(names) > MAX_ENTRIES:
        raise Unreadable(directory, f"more than {MAX_ENTRIES} entries")
    return sorted(names)


def parse_int(text: str, base: int = 10) -> int | None:
    """The whole number that `text` is, in ASCII digits with an optional sign; None when it is something else."""
    if not text.isascii() or len(text) > 40 or "_" in text:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def printable(text: str, limit: int = MAX_LABEL) -> str:
    """The first `limit` characters with `?` for what cannot be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:limit])


def errno_name(error: OSError) -> str:
    """The name of the error's number, such as "EINVAL"."""
    return errno.errorcode.get(error.errno or 0, f"errno {error.errno}")


def _names(found: Iterator[os.DirEntry[str]]) -> list[str]:
    return [entry.name for entry in islice(found, MAX_ENTRIES + 1)]
