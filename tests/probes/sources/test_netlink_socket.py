from __future__ import annotations

import errno
import socket
from itertools import islice
from unittest import mock

import pytest

from probes.sources import netlink
from probes.sources.netlink_socket import NetlinkSocket
from tests.fixtures.fake_netlink import CUT_OFF, PORT, FakeSocket, Said

KIND = 18


class RefusedError(OSError):
    """What the tests make of a number and words."""


def opened(fake: FakeSocket, **options: int) -> NetlinkSocket:
    with mock.patch("socket.socket", return_value=fake):
        return NetlinkSocket(0, {(270, number): 1 for number in options.values()})


def asked(kernel: NetlinkSocket, limit: int = 8) -> list[bytes]:
    return list(islice(kernel.ask(KIND, netlink.REQUEST, b"body", limit=limit, fail=RefusedError), len(b"ab")))


def test_a_request_bears_a_number_of_its_own_and_the_port() -> None:
    fake = FakeSocket(*(Said(bytes([number])) for number in range(4)))
    kernel = opened(fake)
    assert asked(kernel) == [b"\0", b"\1"]
    assert asked(kernel) == [b"\2", b"\3"]
    assert [(one.kind, one.flags, one.sequence, one.port, bytes(one.body)) for one in fake.sent] == [
        (KIND, netlink.REQUEST, 1, PORT, b"body"),
        (KIND, netlink.REQUEST, 2, PORT, b"body"),
    ]
    assert (kernel.sequence, kernel.port) == (2, PORT)


def test_numbers_go_round_and_are_never_0() -> None:
    fake = FakeSocket(*([Said(b"x")] * 4))
    kernel = opened(fake)
    kernel.sequence = 0xFFFF_FFFE
    asked(kernel)
    asked(kernel)
    assert [one.sequence for one in fake.sent] == [0xFFFF_FFFF, 1]


def test_only_the_kernel_is_listened_to() -> None:
    assert asked(opened(FakeSocket(Said(b"forged", sender=4712), Said(b"a"), Said(b"b")))) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("script", "number", "words"),
    [
        ([], errno.ETIMEDOUT, "no answer for 5 s"),
        ([Said(b"a", flags=CUT_OFF)], errno.EMSGSIZE, "an answer longer than 65536 bytes"),
        ([Said(b"forged", sender=4712)] * 9, errno.E2BIG, "an answer without an end after 8 messages"),
    ],
)
def test_what_is_no_answer_is_an_error_of_the_caller(script: list[Said], number: int, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        asked(opened(FakeSocket(*script)))
    assert caught.value.errno == number


def test_no_more_is_read_than_the_caller_takes() -> None:
    fake = FakeSocket(*([Said(b"x")] * 5))
    asked(opened(fake))
    assert len(fake.script) == 3


def test_options_are_set_where_the_kernel_has_them() -> None:
    fake = FakeSocket()
    opened(fake, one=10, other=11)
    assert fake.options == [(270, 10, 1), (270, 11, 1)]
    fake = FakeSocket()
    fake.refuses = OSError(errno.ENOPROTOOPT, "an old kernel")
    opened(fake, one=10)
    assert not fake.closed


def test_it_is_closed_at_the_end_and_when_it_cannot_be_bound() -> None:
    fake = FakeSocket()
    with opened(fake):
        before = fake.closed
    assert (before, fake.closed) == (False, True)
    fake = FakeSocket()
    with (
        mock.patch.object(fake, "bind", side_effect=OSError(errno.EADDRINUSE, "taken")),
        pytest.raises(OSError, match="taken"),
    ):
        opened(fake)
    assert fake.closed


def test_the_kernels_own_refusal_carries_the_number_and_the_port() -> None:
    with NetlinkSocket(socket.NETLINK_ROUTE) as kernel:
        # No request has this type, so the kernel says that it does not support it.
        datagram = next(kernel.ask(0x7F0, netlink.REQUEST | netlink.ACK, bytes(16), limit=4, fail=RefusedError))
        (answer,) = netlink.answers(datagram, kernel.sequence, kernel.port)
    assert (answer.kind, netlink.refusal(answer).number) == (netlink.ERROR, errno.EOPNOTSUPP)
