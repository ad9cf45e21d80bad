from __future__ import annotations

import socket
import struct

import pytest

from fabricscope.settings import SettingsError
from probes.sources.ipfix_sender import IpfixSender
from tests.fixtures.flows import flow, key


def test_flows_arrive_as_messages() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        sender = IpfixSender(f"127.0.0.1:{receiver.getsockname()[1]}")
        sender.send([flow()], 9)
        message = receiver.recv(2000)
        sender.send([flow()], 10)
        again = receiver.recv(2000)
        sender.close()
    version, length, seconds, sequence, _ = struct.unpack_from("!HHIII", message)
    assert (version, length, seconds, sequence) == (10, len(message), 9, 0)
    assert struct.unpack_from("!I", again, 8) == (2,), "two records were sent before"
    assert sender.failures == 0


def test_what_cannot_be_sent_is_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sender = IpfixSender(f"127.0.0.1:{port}")
    sender._socket.close()
    sender.send([flow()], 9)
    assert sender.failures == 1
    sender.send([flow(key=key(source=b"\0\1", destination=b"\0\2"))], 9)
    assert sender.left_out == 1


@pytest.mark.parametrize(
    ("address", "words"), [("nowhere", "HOST:PORT"), ("host.invalid:4739", r"host\.invalid:4739.*HOST:PORT")]
)
def test_an_address_that_is_none_is_told(address: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        IpfixSender(address)
