"""The octets of the page are made from messages, and say what is in them."""

from __future__ import annotations

import pytest

from fabricscope.v1 import stream_pb2
from tools.wire_examples import annotated, examples, rewritten


def test_a_line_has_the_octets_of_a_field_and_its_meaning() -> None:
    message = stream_pb2.StreamRequest(sequence=300, sent_unix_nano=1)
    assert [line.split(maxsplit=3) for line in annotated(message).splitlines()] == [
        ["08", "ac02", "#", "1 sequence: 300"],
        ["11", "0100000000000000", "#", "2 sent_unix_nano: 1"],
    ]


@pytest.mark.parametrize("name", list(examples()))
def test_nothing_of_a_message_is_left_out(name: str) -> None:
    message = examples()[name]
    octets = "".join(line.partition("#")[0] for line in annotated(message).splitlines())
    assert bytes.fromhex(octets) == message.SerializeToString(deterministic=True)


def page() -> str:
    return "".join(f"# {name}\n```hex {name}\nstale\n```\nafter {name}\n" for name in examples())


def test_only_the_blocks_are_written() -> None:
    fresh = rewritten(page())
    assert "stale" not in fresh
    for name, message in examples().items():
        assert f"# {name}\n```hex {name}\n{annotated(message)}```\nafter {name}\n" in fresh
    assert rewritten(fresh) == fresh


def test_a_page_without_a_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="the page has no block ```hex ack"):
        rewritten(page().replace("hex ack", "hex other"))
