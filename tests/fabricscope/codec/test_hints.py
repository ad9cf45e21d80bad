"""Hints survive the wire; one that will not do is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from fabricscope.codec import Refused, decode_hint, encode_hint
from fabricscope.model import Hint, HintAction
from fabricscope.v1 import hints_pb2, stream_pb2
from tests.fabricscope.codec.strategies import hints

WITHDRAW = Hint("leaf1", 1, 2, HintAction.WITHDRAW, "leaf1:spine2", ("10.0.0.0/24",), "down", 3, 4)


@given(hints)
def test_round_trip(hint: Hint) -> None:
    message = stream_pb2.StreamResponse.FromString(encode_hint(hint).SerializeToString())
    assert decode_hint(message.hint) == hint


def _action(hint: hints_pb2.Hint) -> None:
    hint.action = 9  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda hint: hint.ClearField("action"), "hint from 'leaf1' asks for the unknown action 0"),
        (_action, "unknown action 9"),
        (lambda hint: setattr(hint, "origin", "o" * 4097), "origin is 4097"),
        (lambda hint: setattr(hint, "link", "l" * 4097), "link is 4097"),
        (lambda hint: setattr(hint, "reason", "r" * 4097), "reason is 4097"),
        (lambda hint: hint.prefixes.append("p" * 4097), "prefix is 4097"),
        (lambda hint: hint.prefixes.extend([""] * 10_000), "hint names 10001 prefixes; at most 10000"),
        (lambda hint: setattr(hint, "since_unix_nano", 1 << 63), "time of a hint"),
    ],
)
def test_refuses(spoil: Callable[[hints_pb2.Hint], object], reason: str) -> None:
    message = encode_hint(WITHDRAW).hint
    spoil(message)
    with pytest.raises(Refused, match=reason) as caught:
        decode_hint(message)
    assert caught.value.reason == stream_pb2.REFUSAL_REASON_INVALID
