"""Rings on a veth pair in a network namespace of their own, and capture files as Python has them."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.sources import libpcap
from tests.conftest import PATH
from tests.probes.engine.conftest import native, needs_native
from tests.probes.sources.test_libpcap import need_libpcap

CLONE_NEWNET = 0x40000000


def apart(act: Callable[[], None]) -> None:
    """Run in a thread with a network of its own, which goes away with the sockets in it."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
            ip("link", "add", "wire", "type", "veth", "peer", "name", "tap")
            for name in ("wire", "tap"):
                ip("link", "set", name, "addrgenmode", "none", "up")
            act()
        except BaseException as failure:  # noqa: BLE001 - raised again outside the thread
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, env={"PATH": PATH})


def sender() -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    opened.bind(("wire", 0))
    return opened


def ethernet(kind: int, payload: bytes) -> bytes:
    return b"\x02" * 6 + b"\x04" * 6 + struct.pack("!H", kind) + payload


def ipv4(source: bytes, destination: bytes, protocol: int, payload: bytes) -> bytes:
    length = 20 + len(payload)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, protocol, 0, source, destination) + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def roce(source: int, destination: int) -> bytes:
    datagram = udp(50_000 + source, 4791, bytes(40))
    return ethernet(0x0800, ipv4(bytes([10, 0, 0, source]), bytes([10, 0, 0, destination]), 17, datagram))


def erspan(frame: bytes) -> bytes:
    inner = struct.pack("!HHIII", 0x1000, 0x88BE, 1, 0x1000_0001, 0) + frame
    return ethernet(0x0800, ipv4(bytes([1, 1, 1, 1]), bytes([2, 2, 2, 2]), 47, inner))


def collect(ring: Any, count: int) -> list[Any]:
    """So many frames, or what came within some seconds."""
    frames: list[Any] = []
    for _ in range(200):
        if len(frames) >= count:
            break
        ring.wait(50)
        frames += ring.frames(count)
    return frames


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_frames_come_whole_with_the_tag_that_the_kernel_took_off() -> None:
    def act() -> None:
        (ring,) = native().Ring.open("tap", retire_ms=5, promiscuous=True)
        tagged = b"\x02" * 6 + b"\x04" * 6 + b"\x81\x00\x20\x05" + roce(1, 2)[12:]
        with sender() as wire:
            wire.send(roce(1, 2))
            wire.send(tagged)
        plain, other = collect(ring, 2)
        assert plain[1:] == (82, 1, roce(1, 2), None)
        assert other[1:] == (86, 1, roce(1, 2), 0x2005)
        assert plain[0] <= other[0]
        assert ring.counts() == (2, 2, 0, 0, None, 0, 0)
        ring.close()
        with pytest.raises(ValueError, match="closed"):
            ring.wait(0)

    apart(act)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_one_erspan_session_goes_to_all_rings_and_both_directions_to_one() -> None:
    def act() -> None:
        rings = native().Ring.open("tap", 4, retire_ms=5)
        with sender() as wire:
            for source in range(40):
                wire.send(erspan(roce(source, source + 1)))
                wire.send(erspan(roce(source + 1, source)))
        where: dict[frozenset[bytes], set[int]] = {}
        seen = 0
        for _ in range(200):
            for number, ring in enumerate(rings):
                for *_, octets, _ in ring.frames(1_000):
                    seen += 1
                    addresses = octets[-56:-48]
                    where.setdefault(frozenset((addresses[:4], addresses[4:])), set()).add(number)
            if seen == 80:
                break
            rings[0].wait(10)
        assert len(where) == 40
        assert all(len(numbers) == 1 for numbers in where.values())
        assert {number for numbers in where.values() for number in numbers} == {0, 1, 2, 3}
        assert sum(ring.counts()[1] for ring in rings) == 80

    apart(act)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_filter_and_a_snap_length_in_the_kernel_and_what_they_kept_back() -> None:
    need_libpcap()

    def act() -> None:
        program = libpcap.compile_for_interface("vlan 5 and udp port 4791", "tap")
        (ring,) = native().Ring.open("tap", filter=program, snap=60, retire_ms=5)
        with sender() as wire:
            for vlan in (5, 6, 5):
                wire.send(b"\x02" * 6 + b"\x04" * 6 + struct.pack("!HH", 0x8100, vlan) + roce(1, 2)[12:])
            wire.send(roce(3, 4))
        frames = collect(ring, 2)
        assert [(frame[1], len(frame[3]), frame[4]) for frame in frames] == [(86, 60, 5), (86, 60, 5)]
        given, received, dropped, _, offered, *_ = ring.counts()
        assert (given, received, dropped, offered) == (2, 2, 0, 4)

    apart(act)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_ring_that_is_full_drops_and_says_how_many() -> None:
    def act() -> None:
        (ring,) = native().Ring.open("tap", block_octets=4096, blocks=2, retire_ms=5)
        with sender() as wire:
            for _ in range(500):
                wire.send(roce(1, 2))
        given, received, dropped, freezes, *_ = ring.counts()
        assert (given, received) == (0, 500)
        assert dropped > 400
        assert freezes >= 1
        assert len(collect(ring, 500 - dropped)) == 500 - dropped

    apart(act)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_what_this_host_sends_comes_when_it_is_asked_for() -> None:
    def act() -> None:
        (without,) = native().Ring.open("wire", retire_ms=5)
        (ring,) = native().Ring.open("wire", outgoing=True, retire_ms=5)
        with sender() as wire:
            wire.send(roce(1, 2))
        assert [frame[3] for frame in collect(ring, 1)] == [roce(1, 2)]
        assert without.frames(1) == []

    apart(act)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_an_interface_that_goes_down_and_away_is_told_by_name() -> None:
    def act() -> None:
        (ring,) = native().Ring.open("tap", retire_ms=5)
        ip("link", "set", "tap", "down")
        with pytest.raises(OSError, match=r"tap: is down.*ip link set tap up") as down:
            ring.wait(1_000)
        assert down.value.errno == errno.ENETDOWN
        ip("link", "set", "tap", "up")
        with sender() as wire:
            wire.send(roce(1, 2))
        assert len(collect(ring, 1)) == 1
        ip("link", "del", "wire")
        for _ in range(2):
            with pytest.raises(OSError, match="no longer there") as gone:
                ring.wait(1_000)
            assert gone.value.errno == errno.ENODEV

    apart(act)


@needs_native
def test_an_interface_that_is_not_there_is_told_by_name() -> None:
    with pytest.raises(OSError, match="nic-9: there is no such interface"):
        native().Ring.open("nic-9")
    with pytest.raises(ValueError, match=r"multiple of 4,096"):
        native().Ring.open(None, block_octets=1000)


@needs_native
@pytest.mark.needs_root
@pytest.mark.needs_program("setpriv", package="util-linux")
def test_a_missing_capability_is_named(repository: Path) -> None:
    code = "from probes.engine import _native\ntry: _native.Ring.open('lo')\nexcept PermissionError as e: print(e)"
    told = subprocess.run(
        ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
        env={"PATH": PATH},
    )
    assert "lo: cannot be captured" in told.stdout
    assert "CAP_NET_RAW" in told.stdout


def pcap(*packets: bytes) -> bytes:
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for second, packet in enumerate(packets):
        octets += struct.pack("<IIII", second, 5, len(packet), len(packet)) + packet
    return octets


def test_a_file_gives_its_frames_then_what_is_wrong_with_it(engine: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(roce(1, 2), roce(2, 1))[:-1])
    file = engine.CaptureFile(str(path))
    assert file.frames(10) == [(5_000, 82, 1, roce(1, 2), None)]
    for _ in range(2):
        with pytest.raises(ValueError, match=r"cut\.pcap: ends inside the record at octet 122: 97 of 98 octets"):
            file.frames(10)
    assert file.ended()
    assert file.counts() == (1, 0, None)
    assert file.interfaces() == [("", 1, 65535, None)]
    assert file.position() == (path.stat().st_size, path.stat().st_size)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.frames(1)
    with pytest.raises(FileNotFoundError, match="none"):
        engine.CaptureFile(str(tmp_path / "none"))


def test_an_expression_filters_a_file(engine: Any, tmp_path: Path) -> None:
    need_libpcap()
    programs = libpcap.compile_for_files("src host 10.0.0.2")
    path = tmp_path / "two.pcap"
    path.write_bytes(pcap(roce(1, 2), roce(2, 1)))
    file = engine.CaptureFile(str(path), filter=programs)
    assert [frame[3] for frame in file.frames(10)] == [roce(2, 1)]
    assert file.counts() == (2, 1, None)


@pytest.mark.parametrize("name", [pytest.param("_native", marks=needs_native), "twin"])
def test_standard_input_is_a_file_called_dash(name: str, repository: Path) -> None:
    code = f"from probes.engine import {name} as engine; print(engine.CaptureFile('-').skip(1 << 30))"
    read = subprocess.run(
        [sys.executable, "-c", code], input=pcap(roce(1, 2), b"abc"), capture_output=True, check=True, cwd=repository
    )
    assert read.stdout == b"(2, 85)\n"
