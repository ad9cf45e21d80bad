"""A probe's introduction survives the wire; one that will not do is refused with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given

from fabricscope.codec import PROTOCOL, Refused, decode_hello, encode_hello
from fabricscope.model import HostIdentity
from fabricscope.v1 import stream_pb2
from tests.fabricscope.codec.strategies import identities

NODE = HostIdentity("node7", "boot", "e1", {"cluster": "a"}, "0.1.0")


@given(identities)
def test_round_trip(identity: HostIdentity) -> None:
    message = stream_pb2.StreamRequest.FromString(encode_hello(identity).SerializeToString())
    assert message.hello.protocol == PROTOCOL
    assert message.sequence == 0
    assert decode_hello(message.hello) == identity


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("host", "", "host name '' is longer"),
        ("host", "../etc", "host name '../etc' is longer than 253 or does not match"),
        ("host", "n" * 254, "host name"),
        ("epoch", "", "no epoch"),
        ("epoch", "e" * 4097, "epoch is 4097 characters long"),
        ("boot_id", "b" * 4097, "boot id is 4097"),
        ("software_version", "v" * 4097, "software version is 4097"),
        ("labels", {"a-b": "c"}, "host label 'a-b'"),
        ("labels", {"__name__": "c"}, "host label '__name__'"),
        ("labels", {"rack": "r" * 4097}, "host labels is 4097"),
        ("labels", {f"l{i}": "" for i in range(33)}, "host labels has 33 entries; at most 32"),
    ],
)
def test_refuses(field: str, value: str | dict[str, str], reason: str) -> None:
    hello = encode_hello(NODE).hello
    hello.ClearField(field)
    hello.MergeFrom(stream_pb2.Hello(**{field: value}))  # type: ignore[arg-type]
    with pytest.raises(Refused, match=reason) as caught:
        decode_hello(hello)
    assert caught.value.reason == stream_pb2.REFUSAL_REASON_INVALID
