"""HTTP/2 (RFC 9113), gRPC over it, and HPACK (RFC 7541), as far as a bounded memory of both reaches."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from probes.engine.rules.extract.huffman import decode
from probes.engine.rules.extract.reader import EndError, Fields, Reader, Sides, expect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS = 1
PADDED, PRIORITY = 0x08, 0x20
MAX_FRAMES = 64
MAX_KIND = 16
MAX_STRING = 512
"""Octets of one name or value that are kept."""
MAX_ENTRIES = 64
"""Fields that are remembered of a connection."""
MAX_FIELDS = 64
"""Fields of one block that are read."""

REQUEST = {
    b":method": "method",
    b":path": "path",
    b":authority": "host",
    b"host": "host",
    b":scheme": "scheme",
    b"user-agent": "user_agent",
    b"content-type": "request_content_type",
}
ANSWER = {b":status": "status", b"content-type": "content_type", b"server": "server"}

Field = tuple[bytes, bytes]

# fmt: off
STATIC: tuple[Field, ...] = (
    (b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/"), (b":path", b"/index.html"),
    (b":scheme", b"http"), (b":scheme", b"https"), (b":status", b"200"), (b":status", b"204"), (b":status", b"206"),
    (b":status", b"304"), (b":status", b"400"), (b":status", b"404"), (b":status", b"500"), (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"), (b"accept-language", b""), (b"accept-ranges", b""), (b"accept", b""),
    (b"access-control-allow-origin", b""), (b"age", b""), (b"allow", b""), (b"authorization", b""),
    (b"cache-control", b""), (b"content-disposition", b""), (b"content-encoding", b""), (b"content-language", b""),
    (b"content-length", b""), (b"content-location", b""), (b"content-range", b""), (b"content-type", b""),
    (b"cookie", b""), (b"date", b""), (b"etag", b""), (b"expect", b""), (b"expires", b""), (b"from", b""),
    (b"host", b""), (b"if-match", b""), (b"if-modified-since", b""), (b"if-none-match", b""), (b"if-range", b""),
    (b"if-unmodified-since", b""), (b"last-modified", b""), (b"link", b""), (b"location", b""),
    (b"max-forwards", b""), (b"proxy-authenticate", b""), (b"proxy-authorization", b""), (b"range", b""),
    (b"referer", b""), (b"refresh", b""), (b"retry-after", b""), (b"server", b""), (b"set-cookie", b""),
    (b"strict-transport-security", b""), (b"transfer-encoding", b""), (b"user-agent", b""), (b"vary", b""),
    (b"via", b""), (b"www-authenticate", b""),
)
"""RFC 7541 appendix A."""
# fmt: on


def http2(sides: Sides, fields: Fields) -> None:
    """`method`, `path`, `host`, `scheme`, `user_agent`, `request_content_type`; `status`, `content_type`, `server`."""
    if sides.client.startswith(PREFACE):
        for name, value in _headers(sides.client[len(PREFACE) :]):
            if name in REQUEST:
                fields.octets(REQUEST[name], value)
    for name, value in _headers(sides.server):
        if name in ANSWER:
            fields.octets(ANSWER[name], value)
    # Which it is, where the server's answer was not seen.
    if "content_type" not in fields.all and "request_content_type" in fields.all:
        fields.value("content_type", fields.all["request_content_type"])


def _headers(frames: bytes) -> list[Field]:
    """Header fields in the frames of one side from its beginning on."""
    memory: deque[Field] = deque(maxlen=MAX_ENTRIES)
    found: list[Field] = []
    reader = Reader(frames)
    with suppress(EndError):
        for _ in range(MAX_FRAMES):
            count, kind, flags, _ = (reader.number(octets) for octets in (3, 1, 1, 4))
            expect(kind <= MAX_KIND)
            body = reader.take_at_most(count)
            if kind == HEADERS:
                found += _block(_header_block(flags, body), memory)
    return found


def _header_block(flags: int, body: bytes) -> bytes:
    """Empty when what comes before it is not all there."""
    reader = Reader(body)
    try:
        padding = reader.number(1) if flags & PADDED else 0
        if flags & PRIORITY:
            reader.skip(5)
    except EndError:
        return b""
    block = reader.rest()
    return block[: max(0, len(block) - padding)]


def _block(octets: bytes, memory: deque[Field]) -> list[Field]:
    """Fields of a block, up to where it was cut off or cannot be read. `memory`: earlier fields, the newest first."""
    reader = Reader(octets)
    fields: list[Field] = []
    with suppress(EndError):
        while len(fields) < MAX_FIELDS:
            first = reader.number(1)
            if first & 0x80:
                fields.append(_known(_integer(reader, first, 7), memory))
                continue
            if first & 0xE0 == 0x20:
                # A change of the table's size says nothing.
                _integer(reader, first, 5)
                continue
            remember = first & 0x40 != 0
            index = _integer(reader, first, 6 if remember else 4)
            name = _string(reader) if index == 0 else _known(index, memory)[0]
            fields.append((name, _string(reader)))
            if remember:
                memory.appendleft(fields[-1])
    return fields


def _known(index: int, memory: deque[Field]) -> Field:
    expect(0 < index <= len(STATIC) + len(memory))
    return STATIC[index - 1] if index <= len(STATIC) else memory[index - 1 - len(STATIC)]


def _integer(reader: Reader, first: int, bits: int) -> int:
    """RFC 7541 section 5.1, with a prefix of `bits` in `first`."""
    most = (1 << bits) - 1
    value = first & most
    if value < most:
        return value
    for shift in (0, 7, 14):
        octet = reader.number(1)
        value += (octet & 0x7F) << shift
        if octet & 0x80 == 0:
            return value
    raise EndError


def _string(reader: Reader) -> bytes:
    """Section 5.2."""
    first = reader.number(1)
    octets = reader.take(_integer(reader, first, 7))
    if first & 0x80 == 0:
        return octets[:MAX_STRING]
    text = decode(octets, MAX_STRING)
    if text is None:
        raise EndError
    return text
