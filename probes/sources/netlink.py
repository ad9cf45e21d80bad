"""Messages and attributes of netlink, which rtnetlink, generic netlink and RDMA netlink share.

Kernel documentation: Documentation/userspace-api/netlink/intro.rst, include/uapi/linux/netlink.h. Nothing here opens a
socket: these are functions of bytes, in the byte order of the host as netlink has it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4
"""Types of messages that every family has."""
REQUEST, ACK, DUMP_INTERRUPTED, DUMP = 0x1, 0x4, 0x10, 0x300
"""Flags of messages. DUMP asks for everything, DUMP_INTERRUPTED says that it changed meanwhile."""

_CAPPED, _ACK_TLVS = 0x100, 0x200
"""Flags of an error: the request is not repeated in it, attributes follow (NLM_F_CAPPED, NLM_F_ACK_TLVS)."""
_ERROR_MESSAGE = 1
"""The attribute with the driver's own words (NLMSGERR_ATTR_MSG)."""
_TYPE_MASK = 0x3FFF
NESTED = 0x8000
"""The two bits above the type are flags: nested, network byte order."""

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # nlattr: length, type
_U32 = struct.Struct("=I")
_ERRNO = struct.Struct("=i")


class MalformedError(ValueError):
    """Bytes that are no netlink message; says what is wrong with them."""


class Message(NamedTuple):
    """One message of a datagram."""

    kind: int
    flags: int
    sequence: int
    port: int
    body: memoryview


class Refusal(NamedTuple):
    """What an error message, or the end of a dump, says."""

    number: int
    """An errno; 0 is success."""
    words: str
    """What the driver says to it; often empty."""


def message(kind: int, flags: int, sequence: int, port: int, body: bytes) -> bytes:
    """A message of one request."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, port) + body


def attribute(kind: int, payload: bytes) -> bytes:
    """An attribute, padded to 4 bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(payload), kind) + payload + bytes(-len(payload) % 4)


def messages(datagram: bytes) -> Iterator[Message]:
    """The messages of a datagram; they are aligned to 4 bytes. Raises MalformedError."""
    rest = memoryview(datagram)
    while rest:
        if len(rest) < _HEADER.size:
            raise MalformedError(f"{len(rest)} bytes left where a message header should be")
        length, kind, flags, sequence, port = _HEADER.unpack_from(rest)
        if not _HEADER.size <= length <= len(rest):
            raise MalformedError(f"message of length {length} where {len(rest)} bytes are left")
        yield Message(kind, flags, sequence, port, rest[_HEADER.size : length])
        rest = rest[_aligned(length) :]


def answers(datagram: bytes, sequence: int, port: int) -> Iterator[Message]:
    """What answers a port's request in a datagram, but for messages that say nothing. Raises MalformedError."""
    for found in messages(datagram):
        if (found.sequence, found.port) == (sequence, port) and found.kind != NOOP:
            yield found


def attributes(view: memoryview) -> dict[int, memoryview]:
    """Attributes by type; of a type that comes twice, the last. Raises MalformedError."""
    return dict(each_attribute(view))


def each_attribute(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and payload of each attribute in order, as a table has many of one type. Raises MalformedError."""
    # An interface has some 50 of them, and most samples walk them all: so the view is not cut for each.
    at, end, header, unpack = 0, len(view), _ATTRIBUTE.size, _ATTRIBUTE.unpack_from
    # Fewer bytes than a header at the end are padding.
    while end - at >= header:
        length, kind = unpack(view, at)
        if not header <= length <= end - at:
            raise MalformedError(f"attribute {kind & _TYPE_MASK} of length {length} where {end - at} bytes are left")
        yield kind & _TYPE_MASK, view[at + header : at + length]
        at += (length + 3) & ~3


def refusal(answer: Message) -> Refusal:
    """What an ERROR or DONE message reports; an end may say nothing. Raises MalformedError."""
    if len(answer.body) < _ERRNO.size:
        if answer.kind == ERROR:
            raise MalformedError("error message without a number")
        return Refusal(0, "")
    number = -_ERRNO.unpack_from(answer.body)[0]
    return Refusal(number, _words(answer) if answer.kind == ERROR and answer.flags & _ACK_TLVS else "")


def text(found: Mapping[int, memoryview], kind: int, limit: int = 64) -> str:
    """A text up to its NUL, `limit` bytes at most; escaped where not printable, so that different ones stay so."""
    payload = found.get(kind)
    if payload is None:
        return ""
    content = bytes(payload[:limit]).partition(b"\0")[0].decode("utf-8", "backslashreplace")
    if content.isprintable():
        return content
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in content)


def u8(found: Mapping[int, memoryview], kind: int) -> int | None:
    """A number of one byte; None without the attribute. Raises MalformedError."""
    payload = found.get(kind)
    if payload is None:
        return None
    if len(payload) < 1:
        raise MalformedError(f"attribute {kind} is empty, expected 1 byte")
    return payload[0]


def u16(found: Mapping[int, memoryview], kind: int) -> int | None:
    """A number of two bytes; None without the attribute. Raises MalformedError."""
    return _number(found, kind, 2)


def u32(found: Mapping[int, memoryview], kind: int) -> int | None:
    """A number of four bytes; None without the attribute. Raises MalformedError."""
    return _number(found, kind, 4)


def _number(found: Mapping[int, memoryview], kind: int, size: int) -> int | None:
    payload = found.get(kind)
    if payload is None:
        return None
    if len(payload) < size:
        raise MalformedError(f"attribute {kind} has {len(payload)} bytes, expected {size}")
    value: int = struct.unpack_from("=H" if size == 2 else "=I", payload)[0]
    return value


def _words(answer: Message) -> str:
    """The driver's words, behind the number and the request, of which at least the header is repeated."""
    if len(answer.body) < _ERRNO.size + _HEADER.size:
        return ""
    length = _U32.unpack_from(answer.body, _ERRNO.size)[0]
    repeated = _HEADER.size if answer.flags & _CAPPED else max(_aligned(length), _HEADER.size)
    return text(attributes(answer.body[_ERRNO.size + repeated :]), _ERROR_MESSAGE, 128)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
