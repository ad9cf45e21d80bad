from __future__ import annotations

import errno
import struct
from array import array
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import eeprom
from probes.sources.eeprom.memory import DIAGNOSTICS, Memory, Span
from probes.sources.modules import LinearReader, Modules, linear_place
from tests.fixtures.eeprom import qsfp28_sr4, sfp28_sr

SFF_8079, SFF_8472, SFF_8636 = 1, 2, 3


class FakeNetlink:
    """Fails as the kernel would, or gives a byte."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.closed = False

    def read_module(self, device: str, page: int, bank: int, offset: int, length: int, address: int) -> bytes:
        if self.number:
            raise OSError(self.number, f"{device}: refused")
        return bytes((page,)) * length

    def close(self) -> None:
        self.closed = True


def driver(kind: int, dump: bytes) -> Callable[[str, array[int]], None]:
    """A driver that knows the ioctls alone; the second writes over the buffer."""

    def call(device: str, buffer: array[int]) -> None:
        (command,) = struct.unpack_from("=I", buffer.tobytes())
        if command == 0x42:
            buffer[:12] = array("B", struct.pack("=III", command, kind, len(dump)))
        else:
            offset, length = struct.unpack_from("=II", buffer.tobytes(), 8)
            buffer[16 : 16 + length] = array("B", dump[offset : offset + length])

    return call


def refusing(number: int) -> Callable[[str, array[int]], None]:
    def call(device: str, buffer: array[int]) -> None:
        raise OSError(number, "no")

    return call


def source(netlink: int, call: Callable[[str, array[int]], None]) -> Modules:
    made = Modules()
    made._netlink = FakeNetlink(netlink)  # type: ignore[assignment]
    made._linear = LinearReader(call)
    return made


class Linear:
    """The memory of a module by ioctl."""

    def __init__(self, kind: int, dump: bytes) -> None:
        self._reader = LinearReader(driver(kind, dump))

    def read(self, span: Span) -> bytes | None:
        return self._reader.read("eth0", span)


def test_netlink_is_asked_first() -> None:
    memory: Memory = source(0, refusing(errno.EPERM)).memory("eth0")
    assert memory.read(Span(128, 2, page=3)) == b"\3\3"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EOPNOTSUPP])
def test_a_kernel_without_pages_is_asked_by_ioctl(number: int) -> None:
    memory = source(number, driver(SFF_8636, bytes(range(256)) + b"\7" * 384)).memory("eth0")
    assert memory.read(Span(2, 2)) == b"\2\3"
    assert memory.read(Span(130, 2)) == b"\x82\x83"
    assert memory.read(Span(128, 2, page=3)) == b"\7\7"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_page_that_is_refused_is_one_that_is_not_there(number: int) -> None:
    memory = source(number, refusing(errno.EOPNOTSUPP)).memory("eth0")
    assert memory.read(Span(128, 2, page=3)) is None
    assert memory.read(Span(0, 2, address=DIAGNOSTICS)) is None
    with pytest.raises(OSError, match="eth0"):
        memory.read(Span(0, 2))


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.EPERM])
def test_what_is_no_page_is_an_error_of_any_page(number: int) -> None:
    memory = source(number, refusing(errno.EOPNOTSUPP)).memory("eth0")
    with pytest.raises(OSError, match="refused") as caught:
        memory.read(Span(128, 2, page=3))
    assert caught.value.errno == number


def test_the_ioctl_names_the_capability_too() -> None:
    with pytest.raises(OSError, match=r"eth0: .*CAP_NET_ADMIN") as caught:
        source(errno.ENOENT, refusing(errno.EPERM)).memory("eth0").read(Span(0, 1))
    assert caught.value.errno == errno.EPERM


@pytest.mark.parametrize(
    ("span", "kind", "length", "place"),
    [
        (Span(0, 128), SFF_8636, 640, 0),
        (Span(128, 96), SFF_8636, 256, 128),
        (Span(128, 72, page=3), SFF_8636, 640, 512),
        (Span(128, 72, page=3), SFF_8636, 256, None),
        (Span(128, 1, page=3), SFF_8472, 512, None),
        (Span(96, 22, address=DIAGNOSTICS), SFF_8472, 512, 352),
        (Span(96, 22, address=DIAGNOSTICS), SFF_8079, 256, None),
        (Span(128, 1, page=3, bank=1), SFF_8636, 640, None),
    ],
)
def test_where_a_span_is_in_a_linear_dump(span: Span, kind: int, length: int, place: int | None) -> None:
    assert linear_place(span, kind, length) == place


def test_modules_decode_from_linear_dumps() -> None:
    sfp, qsfp = sfp28_sr().image().halves, qsfp28_sr4().image().halves
    dump = sfp[0x50, 0, None] + bytes(128) + sfp[0x51, 0, None] + bytes(128)
    memory = Linear(SFF_8472, dump)
    assert eeprom.identify(memory).measure(memory).temperature == 40.0
    dump = qsfp[0x50, 0, None] + qsfp[0x50, 0, 0] + bytes(256) + qsfp[0x50, 0, 3]
    memory = Linear(SFF_8636, dump)
    module = eeprom.identify(memory)
    assert module.thresholds["bias"].high_alarm == 0.015
    assert module.measure(memory).bias[1] == 0.007


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_any_answers_give_bytes_or_none(kind: int, length: int, came: int) -> None:
    def call(device: str, buffer: array[int]) -> None:
        head = struct.pack("=III", 0x42, kind, length) if len(buffer) == 44 else struct.pack("=IIII", 0x43, 0, 0, came)
        buffer[: len(head)] = array("B", head)

    content = LinearReader(call).read("eth0", Span(0, 8))
    assert content is None or len(content) <= 8


def test_closing_closes_both_ways() -> None:
    made = source(0, refusing(errno.EPERM))
    made.close()
    assert made._netlink.closed  # type: ignore[attr-defined]


def test_the_loopback_interface_has_no_module() -> None:
    made = Modules()
    try:
        with pytest.raises(OSError, match="lo: ") as caught:
            made.memory("lo").read(Span(0, 1))
        assert caught.value.errno in (errno.EOPNOTSUPP, errno.EPERM)
        with pytest.raises(OSError, match="lo: ") as caught:
            made._linear.read("lo", Span(0, 1))
        assert caught.value.errno in (errno.EOPNOTSUPP, errno.EPERM)
    finally:
        made.close()
