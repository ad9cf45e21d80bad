"""The example of docs/reference/wire.md: messages as octets, with what each of them means."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fabricscope.codec import encode_hello, encode_samples, encode_series_set
from fabricscope.model import HostIdentity, Kind, MetricSpec, Quality, SampleBatch, Series, SeriesSet
from fabricscope.v1 import stream_pb2

_INDENT = 3
_COLUMN = 42
"""Where the comments begin, unless a line is longer."""


def examples() -> dict[str, Message]:
    """The messages by the names of their blocks."""
    received = MetricSpec("demo_bytes_total", Kind.COUNTER, "Octets.", ("port",), "bytes")
    speed = MetricSpec("demo_ratio", Kind.GAUGE, "Use.", unit="ratio")
    series_set = SeriesSet(b"A", "demo", (Series(received, ("p1",)), Series(received, ("p2",))), (Series(speed, ()),))
    batch = SampleBatch(
        series_set_id=b"A",
        time_unix_ns=1_700_000_000_000_000_000,
        interval_ns=1_000_000_000,
        counters=[1000, 2**64 - 1],
        gauges=[0.5],
        qualities=bytes([Quality.OK, Quality.OK, Quality.STALE]),
    )
    samples = encode_samples([batch])
    samples.sequence = 1
    samples.sent_unix_nano = batch.time_unix_ns + 1_000_000
    return {
        "hello": encode_hello(HostIdentity("node7", "b1", "e1", {"rack": "r1"}, "v1")),
        "welcome": stream_pb2.StreamResponse(welcome=stream_pb2.Welcome(protocol=1, software_version="v2")),
        "series_set": encode_series_set(series_set),
        "samples": samples,
        "ack": stream_pb2.StreamResponse(ack=stream_pb2.Ack(sequence=1, durable_sequence=1)),
    }


def rewritten(page: str) -> str:
    """The page with each block of octets made anew. Raises ValueError for one that the page does not have."""
    for name, message in examples().items():
        before, opening, rest = page.partition(f"```hex {name}\n")
        _, closing, after = rest.partition("```")
        if not closing:
            raise ValueError(f"the page has no block ```hex {name}")
        page = f"{before}{opening}{annotated(message)}{closing}{after}"
    return page


def annotated(message: Message) -> str:
    """The message's octets in hexadecimal, a field a line, with its number, name and value as a comment."""
    lines = list(_lines(message.DESCRIPTOR, message.SerializeToString(deterministic=True), 0))
    column = max(_COLUMN, *(len(octets) + 2 for octets, _ in lines))
    return "".join(f"{octets:<{column}}# {comment}\n" for octets, comment in lines)


def _lines(descriptor: Any, data: bytes, depth: int) -> Iterator[tuple[str, str]]:
    """Octets and comment of every field in `data`, which this program wrote itself."""
    indent, inner = " " * _INDENT * depth, " " * _INDENT * (depth + 1)
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        field = descriptor.fields_by_number[tag >> 3]
        head, what = indent + data[start:at].hex(), "  " * depth + f"{field.number} {field.name}"
        if tag & 7 == 0:
            start = at
            number, at = _varint(data, at)
            shown = field.enum_type.values_by_number[number].name if field.enum_type else f"{number:,}"
            yield f"{head} {data[start:at].hex()}", f"{what}: {shown}"
        elif tag & 7 == 1:
            at += 8
            yield f"{head} {data[at - 8 : at].hex()}", f"{what}: {_fixed(field, data[at - 8 : at])}"
        else:
            start = at
            size, at = _varint(data, at)
            head, content = f"{head} {data[start:at].hex()}", data[at : at + size]
            at += size
            if field.message_type is not None:
                yield head, f"{what}, {size} octets"
                yield from _lines(field.message_type, content, depth + 1)
            elif field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
                yield head, f"{what}, packed, {size} octets"
                for one, value in _packed(field, content):
                    yield inner + one.hex(), "  " * (depth + 1) + value
            else:
                shown = f'"{content.decode()}"' if content.isalnum() or field.type == field.TYPE_STRING else "octets"
                yield f"{head} {content.hex()}".rstrip(), f"{what}: {shown}"


def _packed(field: Any, data: bytes) -> Iterator[tuple[bytes, str]]:
    """The octets of every value of a packed column, and the value."""
    at = 0
    while at < len(data):
        start = at
        if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
            at += 8
            yield data[start:at], _fixed(field, data[start:at])
        else:
            number, at = _varint(data, at)
            yield data[start:at], f"{number:,}"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where the next thing begins."""
    number = shift = 0
    while True:
        octet = data[at]
        number |= (octet & 127) << shift
        at, shift = at + 1, shift + 7
        if octet < 128:
            return number, at


def _fixed(field: Any, octets: bytes) -> str:
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return f"{struct.unpack('<d', octets)[0]:g}"
    return f"{int.from_bytes(octets, 'little'):,}"
