from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import ethtool_netlink, netlink
from probes.sources.ethtool_netlink import (
    EthtoolNetlink,
    EthtoolNetlinkError,
    module_request,
    parse_answer,
    parse_family,
    parse_module,
)
from tests.conftest import PATH
from tests.fixtures.fake_netlink import CUT_OFF, PORT, FakeSocket, Said

FAMILY = 21
HEAD = struct.pack("=BBxx", 32, 1)


def answer(sequence: int, data: bytes, kind: int = FAMILY) -> bytes:
    return netlink.message(kind, 0, sequence, PORT, HEAD + netlink.attribute(7, data))


def refusal(sequence: int, number: int, words: str = "") -> bytes:
    body = struct.pack("=i", -number) + struct.pack("=IHHII", 20, FAMILY, 1, sequence, PORT)
    extra = netlink.attribute(1, words.encode() + b"\0") if words else b""
    return netlink.message(netlink.ERROR, 0x300 if words else 0x100, sequence, PORT, body + extra)


def family(sequence: int, number: int = FAMILY) -> bytes:
    return netlink.message(16, 0, sequence, PORT, HEAD + netlink.attribute(1, struct.pack("=H", number)))


def asking(*script: Said) -> tuple[EthtoolNetlink, FakeSocket]:
    fake = FakeSocket(Said(family), *script)
    with mock.patch("socket.socket", return_value=fake):
        asker = EthtoolNetlink()
        asker._open()
    return asker, fake


def test_a_request_names_the_interface_and_the_bytes() -> None:
    asker, fake = asking(Said(lambda sequence: answer(sequence, b"\x18\x51")))
    assert asker.read_module("eth0", 0x11, 1, 128, 2, 0x50) == b"\x18\x51"
    request = fake.sent[-1]
    assert (request.kind, request.flags, request.body[0]) == (FAMILY, netlink.REQUEST, 31)
    found = netlink.attributes(request.body[4:])
    assert netlink.text(netlink.attributes(found[1]), 2) == "eth0"
    assert (netlink.u32(found, 2), netlink.u32(found, 3)) == (128, 2)
    assert (netlink.u8(found, 4), netlink.u8(found, 5), netlink.u8(found, 6)) == (0x11, 1, 0x50)


def test_the_family_is_asked_for_once_and_again_after_closing() -> None:
    asker, fake = asking(Said(lambda s: answer(s, b"a")), Said(lambda s: answer(s, b"b")))
    assert asker.read_module("eth0", 0, 0, 0, 1, 0x50) + asker.read_module("eth0", 0, 0, 0, 1, 0x50) == b"ab"
    assert [request.kind for request in fake.sent] == [16, FAMILY, FAMILY]
    asker.close()
    assert fake.closed
    again = FakeSocket(Said(lambda s: family(s, 30)), Said(lambda s: answer(s, b"c", kind=30)))
    with mock.patch("socket.socket", return_value=again):
        assert asker.read_module("eth0", 0, 0, 0, 1, 0x50) == b"c"


def test_answers_of_others_and_late_ones_are_passed_over() -> None:
    asker, _fake = asking(
        Said(lambda s: answer(s, b"x"), sender=4712),
        Said(lambda s: answer(s - 1, b"y")),
        Said(lambda s: answer(s, b"z")),
    )
    assert asker.read_module("eth0", 0, 0, 0, 1, 0x50) == b"z"


@pytest.mark.parametrize(
    ("number", "words", "complaint"),
    [
        (errno.EIO, "Transceiver module not inserted", "Input/output error: Transceiver module not inserted"),
        (errno.ENODEV, "", r"eth0: page 03h bytes 128-129: No such device"),
        (errno.EPERM, "", "the memory of modules is for CAP_NET_ADMIN only"),
        (errno.EOPNOTSUPP, "", "not supported"),
    ],
)
def test_a_refusal_says_what_and_why(number: int, words: str, complaint: str) -> None:
    asker, _fake = asking(Said(lambda s: refusal(s, number, words)))
    with pytest.raises(EthtoolNetlinkError, match=complaint) as caught:
        asker.read_module("eth0", 3, 0, 128, 2, 0x50)
    assert caught.value.errno == number


def test_a_kernel_without_the_family_says_so_and_leaves_no_socket() -> None:
    fake = FakeSocket(Said(lambda s: refusal(s, errno.ENOENT)))
    asker = EthtoolNetlink()
    with mock.patch("socket.socket", return_value=fake), pytest.raises(EthtoolNetlinkError, match=r"Linux 5\.6"):
        asker.read_module("eth0", 0, 0, 0, 1, 0x50)
    assert fake.closed


def test_an_answer_that_was_cut_off_or_does_not_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asker, _fake = asking(Said(lambda s: answer(s, b"a"), flags=CUT_OFF))
    with pytest.raises(EthtoolNetlinkError, match="longer than"):
        asker.read_module("eth0", 0, 0, 0, 1, 0x50)
    monkeypatch.setattr(ethtool_netlink, "_MAX_STRAY", 2)
    asker, _fake = asking(*(Said(lambda s: answer(s + 1, b"a")) for _ in range(3)))
    with pytest.raises(EthtoolNetlinkError, match="an answer without an end after 2 messages"):
        asker.read_module("eth0", 0, 0, 0, 1, 0x50)


def test_more_or_fewer_bytes_than_asked_for_are_refused() -> None:
    with pytest.raises(EthtoolNetlinkError, match="3 bytes came"):
        parse_module(memoryview(netlink.attribute(7, b"abc")), 4, "eth0")
    with pytest.raises(EthtoolNetlinkError, match="0 bytes came"):
        parse_module(memoryview(b""), 4, "eth0")


@pytest.mark.parametrize("device", ["", "a" * 16, "a\0b"])
def test_names_that_no_interface_has_are_refused(device: str) -> None:
    with pytest.raises(EthtoolNetlinkError, match="not the name of a network interface"):
        module_request(device, 0, 0, 0, 1, 0x50)


@pytest.mark.parametrize(("offset", "length"), [(120, 9), (128, 129), (255, 2), (0, 0), (-1, 2)])
def test_bytes_lie_in_one_half(offset: int, length: int) -> None:
    with pytest.raises(EthtoolNetlinkError, match="do not lie in one half"):
        module_request("eth0", 0, 0, offset, length, 0x50)


@given(st.binary(max_size=256))
def test_any_answer_gives_bytes_or_an_error_of_ours(datagram: bytes) -> None:
    try:
        found = parse_answer(datagram, FAMILY, 0, 0, "eth0")
        if found is not None:
            parse_family(found)
            parse_module(found, 4, "eth0")
    except EthtoolNetlinkError as error:
        assert error.errno is not None


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_attributes_give_bytes_or_an_error_of_ours(body: bytes, rest: bytes) -> None:
    for kind in (FAMILY, netlink.ERROR):
        try:
            found = parse_answer(netlink.message(kind, 0x300, 1, PORT, body) + rest, FAMILY, 1, PORT, "eth0")
            if found is not None:
                parse_module(found, len(found), "eth0")
        except EthtoolNetlinkError as error:
            assert error.errno is not None


READ = """
import sys
from probes.sources.ethtool_netlink import EthtoolNetlink
try:
    print(EthtoolNetlink().read_module(sys.argv[1], 0, 0, 0, 1, 0x50))
except OSError as error:
    print(error.errno, error)
"""


def read_in(*wrapper: str, device: str) -> str:
    command = [*wrapper, sys.executable, "-c", READ, device]
    environment = {"PATH": PATH, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_the_kernels_own_answers_in_a_namespace() -> None:
    namespace = f"optics{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True, env={"PATH": PATH})
    try:
        inside = ("ip", "netns", "exec", namespace)
        subprocess.run(
            [*inside, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"], check=True, env={"PATH": PATH}
        )
        assert read_in(*inside, device="one").startswith(f"{errno.EOPNOTSUPP} ")
        assert read_in(*inside, device="none").startswith(f"{errno.ENODEV} ")
        unprivileged = read_in(*inside, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", device="one")
        assert "CAP_NET_ADMIN" in unprivileged
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=True, env={"PATH": PATH})
