"""What systemd hears, over real datagram sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabricscope.model import Now
from fabricscope.systemd import Notifier


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver:
        receiver.bind(address)
        yield receiver


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, Notifier]]:
    address = str(tmp_path / "notify")
    with listening(address) as receiver:
        yield receiver, Notifier.from_environment({"NOTIFY_SOCKET": address})


def test_each_message_is_one_datagram(manager: tuple[socket.socket, Notifier]) -> None:
    receiver, notifier = manager
    notifier.ready("3 samplers")
    notifier.reloading(Now(wall=0, mono=1_234_567_999))
    notifier.alive()
    notifier.status("no collector answers")
    notifier.stopping()
    assert [receiver.recv(4096) for _ in range(5)] == [
        b"READY=1\nSTATUS=3 samplers",
        b"RELOADING=1\nMONOTONIC_USEC=1234567",
        b"WATCHDOG=1",
        b"STATUS=no collector answers",
        b"STOPPING=1",
    ]


def test_a_status_cannot_add_a_message_of_its_own(manager: tuple[socket.socket, Notifier]) -> None:
    receiver, notifier = manager
    notifier.status("device a\nSTOPPING=1")
    assert receiver.recv(4096) == b"STATUS=device a STOPPING=1"


def test_an_abstract_address() -> None:
    name = f"fabricscope-test-{id(object())}"
    with listening(f"\0{name}") as receiver:
        Notifier.from_environment({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert receiver.recv(4096) == b"READY=1"


def test_nothing_happens_where_systemd_is_not() -> None:
    notifier = Notifier.from_environment({})
    notifier.ready("status")
    notifier.alive()
    assert notifier.watchdog_seconds is None


@pytest.mark.parametrize("address", ["/there/is/no/such/socket", "@nobody-listens", "x" * 500])
def test_a_manager_that_is_gone_stops_nothing(address: str) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "77"}, 1.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_the_one_of_this_process(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier.from_environment(environment, pid=77).watchdog_seconds == seconds
