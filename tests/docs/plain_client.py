"""A client written from docs/reference/wire.md alone: no generated code, nothing of fabricscope.

It shows that the page is enough. Names and numbers here are the page's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc.aio

METHOD = "/fabricscope.v1.CollectorService/Stream"
COUNTER, GAUGE = 1, 2

Fields = dict[int, list[int | bytes]]


# --- Protocol Buffers, as far as it is needed


def varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def uint(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def fixed(field: int, number: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", number)


def octets(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    return octets(field, content.encode())


def mapping(field: int, pairs: Mapping[str, str]) -> bytes:
    return b"".join(octets(field, text(1, key) + text(2, value)) for key, value in pairs.items())


def parse(message: bytes) -> Fields:
    """Fields by number, each with its values in order. Enough for what collectors send."""
    fields: Fields = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            octet = message[at]
            value |= (octet & 127) << shift
            at, shift = at + 1, shift + 7
            if octet < 128:
                return value

    while at < len(message):
        tag = number()
        value: int | bytes
        if tag & 7 == 0:
            value = number()
        else:
            size = number() if tag & 7 == 2 else 8
            value, at = message[at : at + size], at + size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


# --- messages


def hello(host: str, epoch: str, boot_id: str, labels: Mapping[str, str], version: str) -> bytes:
    body = uint(1, 1) + text(2, host) + text(3, boot_id) + text(4, epoch) + mapping(5, labels) + text(6, version)
    return octets(3, body)


def metric(name: str, kind: int, help: str, unit: str, labels: Sequence[str], series: Iterable[Sequence[str]]) -> bytes:  # noqa: A002  the page's name
    rows = b"".join(octets(6, b"".join(text(1, value) for value in row)) for row in series)
    body = text(1, name) + uint(2, kind) + text(3, help) + text(4, unit)
    return body + b"".join(text(5, label) for label in labels) + rows


def series_set(identifier: bytes, sampler: str, metrics: Iterable[bytes]) -> bytes:
    return octets(4, octets(1, identifier) + text(2, sampler) + b"".join(octets(3, one) for one in metrics))


def batch(
    series_set_id: bytes, time: int, interval: int, counters: Sequence[int], gauges: Sequence[float], qualities: bytes
) -> bytes:
    return (
        octets(1, series_set_id)
        + fixed(2, time)
        + uint(3, interval)
        + octets(4, b"".join(map(varint, counters)))
        + octets(5, struct.pack(f"<{len(gauges)}d", *gauges))
        + octets(6, qualities)
    )


def event(time: int, monotonic: int, kind: str, severity: int, message: str, subject: Mapping[str, str]) -> bytes:
    body = fixed(1, time) + fixed(2, monotonic) + text(3, kind) + uint(4, severity)
    return body + mapping(5, subject) + text(6, message)


def samples(batches: Iterable[bytes]) -> bytes:
    return octets(5, b"".join(octets(1, one) for one in batches))


def events(rows: Iterable[bytes]) -> bytes:
    return octets(6, b"".join(octets(1, row) for row in rows))


def envelope(sequence: int, sent: int) -> bytes:
    return uint(1, sequence) + fixed(2, sent)


# --- the conversation


async def deliver(
    address: str, greeting: bytes, declarations: Iterable[bytes], queue: Mapping[int, bytes], now: int
) -> dict[int, tuple[int, str]]:
    """Send the bodies in `queue` under their sequences and wait until all are settled; refusals by sequence."""
    refusals: dict[int, tuple[int, str]] = {}
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_stream(METHOD, request_serializer=None, response_deserializer=None)()
        await call.write(greeting)
        (welcome,) = parse(await call.read())[1]
        assert isinstance(welcome, bytes)
        assert parse(welcome)[1] == [1]
        for declaration in declarations:
            await call.write(declaration)
        for sequence, body in sorted(queue.items()):
            await call.write(envelope(sequence, now) + body)
        settled = 0
        while settled < max(queue):
            for ack in parse(await call.read()).get(2, []):
                assert isinstance(ack, bytes)
                fields = parse(ack)
                # What is durable has arrived, too; a field that is not there is 0.
                settled = int(fields.get(3, [0])[0])
                for refusal in fields.get(2, []):
                    assert isinstance(refusal, bytes)
                    refused = parse(refusal)
                    refusals[int(refused[1][0])] = (int(refused[2][0]), bytes(refused[3][0]).decode())
        await call.done_writing()
    return refusals
