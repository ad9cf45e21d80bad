"""Whatever arrives: a noun or `Refused`, and never anything else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from fabricscope import codec
from fabricscope.codec import Refused
from fabricscope.model import Kind, MetricSpec, Series, SeriesSet
from fabricscope.v1 import stream_pb2
from tests.fabricscope.codec.strategies import anything

_SET = SeriesSet(
    b"x",
    "test",
    (Series(MetricSpec("a_total", Kind.COUNTER, "", ("l",)), ("1",)),),
    (Series(MetricSpec("b", Kind.GAUGE, ""), ()),),
)


def decode(request: stream_pb2.StreamRequest) -> None:
    """What a collector does with a body."""
    decoders: dict[str, Callable[[Any], Any]] = {
        "hello": codec.decode_hello,
        "series_set": codec.decode_series_set,
        "samples": lambda samples: [codec.decode_batch(batch, _SET) for batch in samples.batches],
        "events": codec.decode_events,
        "flows": lambda flows: None,
    }
    with suppress(Refused):
        if body := request.WhichOneof("body"):
            decoders[body](getattr(request, body))


@given(anything(stream_pb2.StreamRequest))
def test_any_request_is_a_noun_or_refused(request: stream_pb2.StreamRequest) -> None:
    decode(stream_pb2.StreamRequest.FromString(request.SerializeToString()))


@given(anything(stream_pb2.StreamResponse))
def test_any_hint_is_a_noun_or_refused(response: stream_pb2.StreamResponse) -> None:
    with suppress(Refused):
        codec.decode_hint(response.hint)


@given(st.binary(max_size=200))
@example(b"\x1a\x04\x12\x02\xed\xa0")  # a host name that is not UTF-8
def test_any_bytes_are_a_noun_or_refused_or_no_message(content: bytes) -> None:
    with suppress(DecodeError):
        decode(stream_pb2.StreamRequest.FromString(content))


@given(anything(stream_pb2.StreamRequest), st.data())
def test_a_broken_message_is_no_worse(request: stream_pb2.StreamRequest, data: st.DataObject) -> None:
    content = bytearray(request.SerializeToString()) or bytearray(1)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DecodeError):
        decode(stream_pb2.StreamRequest.FromString(bytes(content)))


@pytest.mark.parametrize("name", codec.__all__)
def test_what_it_offers_is_there(name: str) -> None:
    assert hasattr(codec, name)
