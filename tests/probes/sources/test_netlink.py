from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import netlink
from probes.sources.netlink import MalformedError, Message, Refusal


def error(number: int, *, flags: int = 0, rest: bytes = b"") -> Message:
    return Message(netlink.ERROR, flags, 1, 1, memoryview(struct.pack("=i", -number) + rest))


def test_messages_and_attributes_come_back_as_they_were_made() -> None:
    body = netlink.attribute(1, b"abc") + netlink.attribute(2 | netlink.NESTED, netlink.attribute(3, b"12345"))
    datagram = netlink.message(16, netlink.REQUEST, 7, 4711, body) + netlink.message(17, 0, 8, 4711, b"")
    first, second = netlink.messages(datagram)
    assert (first.kind, first.flags, first.sequence, first.port) == (16, netlink.REQUEST, 7, 4711)
    assert (second.kind, len(second.body)) == (17, 0)
    found = netlink.attributes(first.body)
    assert bytes(found[1]) == b"abc"
    assert bytes(netlink.attributes(found[2])[3]) == b"12345"


@pytest.mark.parametrize(
    ("datagram", "complaint"),
    [
        (b"\0" * 5, "5 bytes left where a message header should be"),
        (struct.pack("=IHHII", 15, 1, 0, 0, 0), "message of length 15"),
        (struct.pack("=IHHII", 4096, 1, 0, 0, 0), "message of length 4096 where 16 bytes are left"),
    ],
)
def test_malformed_messages_are_refused_by_what_is_wrong(datagram: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint):
        list(netlink.messages(datagram))


@pytest.mark.parametrize("length", [3, 400])
def test_malformed_attributes_are_refused_by_number(length: int) -> None:
    with pytest.raises(MalformedError, match=f"attribute 5 of length {length}"):
        netlink.attributes(memoryview(struct.pack("=HHI", length, 5, 0)))


def test_numbers_and_texts() -> None:
    found = netlink.attributes(
        memoryview(
            netlink.attribute(1, b"\x2a")
            + netlink.attribute(2, struct.pack("=H", 4660))
            + netlink.attribute(3, struct.pack("=I", 1 << 31))
            + netlink.attribute(4, b"eth\x1b0\0rest")
        )
    )
    assert (netlink.u8(found, 1), netlink.u16(found, 2), netlink.u32(found, 3)) == (42, 4660, 1 << 31)
    assert (netlink.text(found, 4), netlink.text(found, 4, limit=3)) == (r"eth\x1b0", "eth")
    assert (netlink.u8(found, 9), netlink.u16(found, 9), netlink.u32(found, 9), netlink.text(found, 9)) == (
        *(None, None, None),
        "",
    )


def test_numbers_that_are_too_short_are_refused() -> None:
    found = {1: memoryview(b""), 2: memoryview(b"\0"), 3: memoryview(b"\0\0\0")}
    with pytest.raises(MalformedError, match="attribute 1 is empty"):
        netlink.u8(found, 1)
    with pytest.raises(MalformedError, match="attribute 2 has 1 bytes, expected 2"):
        netlink.u16(found, 2)
    with pytest.raises(MalformedError, match="attribute 3 has 3 bytes, expected 4"):
        netlink.u32(found, 3)


def test_a_refusal_has_a_number_and_the_drivers_words() -> None:
    words = netlink.attribute(1, b"no module\0")
    header = struct.pack("=IHHII", 20, 31, 1, 1, 1)
    assert netlink.refusal(error(errno.EIO)) == Refusal(errno.EIO, "")
    assert netlink.refusal(error(0)) == Refusal(0, "")
    assert netlink.refusal(error(errno.EIO, flags=0x300, rest=header + words)) == Refusal(errno.EIO, "no module")
    # Without the flag that says otherwise the whole request is repeated.
    repeated = header + b"\1\2\3\4"
    assert netlink.refusal(error(errno.EIO, flags=0x200, rest=repeated + words)).words == "no module"
    assert netlink.refusal(error(errno.EIO, flags=0x200)).words == ""


def test_an_error_without_a_number_is_malformed_and_an_end_without_one_is_an_end() -> None:
    with pytest.raises(MalformedError, match="without a number"):
        netlink.refusal(Message(netlink.ERROR, 0, 1, 1, memoryview(b"\0")))
    assert netlink.refusal(Message(netlink.DONE, 0, 1, 1, memoryview(b""))) == Refusal(0, "")


def test_answers_are_those_to_ones_own_request_that_say_something() -> None:
    made = [(16, 7, 4711), (16, 8, 4711), (16, 7, 4712), (netlink.NOOP, 7, 4711), (netlink.DONE, 7, 4711)]
    datagram = b"".join(netlink.message(kind, 0, sequence, port, b"") for kind, sequence, port in made)
    assert [found.kind for found in netlink.answers(datagram, 7, 4711)] == [16, netlink.DONE]
    with pytest.raises(MalformedError):
        list(netlink.answers(datagram + b"rest", 7, 4711))


@given(st.binary(max_size=256))
def test_any_bytes_give_messages_or_a_malformed_error(datagram: bytes) -> None:
    try:
        for message in netlink.messages(datagram):
            netlink.attributes(message.body)
            if message.kind in (netlink.ERROR, netlink.DONE):
                assert netlink.refusal(message).words.isprintable()
    except MalformedError as complaint:
        assert str(complaint)
