from __future__ import annotations

import select
import subprocess
import sys

import pytest

from probes.sources import link_monitor
from probes.sources.link_monitor import LinkMonitor
from tests.conftest import PATH
from tests.fixtures.descriptors import open_files

IN_A_NAMESPACE = """
import select, subprocess
from probes.sources.link_monitor import LinkMonitor

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def news(monitor, seconds):
    return bool(select.select([monitor.descriptor()], [], [], seconds)[0])

ip("link", "add", "near", "type", "veth", "peer", "name", "far")
monitor = LinkMonitor()
assert monitor.descriptor() is None
monitor.drain()
assert not news(monitor, 0)
ip("link", "set", "near", "up")
assert news(monitor, 10)
monitor.drain()
while news(monitor, 0.2):  # what the kernel does to a link after it was switched on
    monitor.drain()
ip("link", "set", "far", "up")
assert news(monitor, 10)
print("heard")
"""


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_change_of_an_interface_makes_it_readable() -> None:
    command = ["unshare", "--net", sys.executable, "-c", IN_A_NAMESPACE]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": PATH}, check=False)
    assert ran.stdout.strip() == "heard", ran.stderr


def test_nothing_stays_open() -> None:
    before = open_files()
    monitor = LinkMonitor()
    monitor.drain()
    assert monitor.descriptor() is not None
    monitor.close()
    assert monitor.descriptor() is None
    assert open_files() == before
    monitor.drain()
    del monitor
    assert open_files() == before


def test_without_netlink_it_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr(link_monitor, "_open", refuse)
    monitor = LinkMonitor()
    monitor.drain()
    assert monitor.descriptor() is None


def test_lost_notices_are_news_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        closed = False

        def recv(self, _: int) -> bytes:
            raise OSError(105, "No buffer space available")

        def fileno(self) -> int:
            return 7

        def close(self) -> None:
            self.closed = True

    full = Full()
    monkeypatch.setattr(link_monitor, "_open", lambda: full)
    monitor = LinkMonitor()
    monitor.drain()
    assert monitor.descriptor() == 7
    assert not full.closed


def test_a_socket_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def recv(self, _: int) -> bytes:
            raise OSError(9, "Bad file descriptor")

        def close(self) -> None:
            return

    monkeypatch.setattr(link_monitor, "_open", Broken)
    monitor = LinkMonitor()
    monitor.drain()
    assert monitor.descriptor() is None
    monkeypatch.undo()
    monitor.drain()
    descriptor = monitor.descriptor()
    assert descriptor is not None
    assert select.select([descriptor], [], [], 0)[0] == []
    monitor.close()
