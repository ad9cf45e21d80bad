from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from exporters.ipfix import MAX_MESSAGE_OCTETS, TEMPLATES_EVERY, IpfixWriter
from fabricscope.flow import Flow, Tunnel, Way
from tests.fixtures.flows import START, flow, key, way

NOTHING = Way(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
SECOND = 1_000_000_000


class Message(NamedTuple):
    """One message, read by a reader of our own that knows the standard alone."""

    sequence: int
    templates: dict[int, list[tuple[int, int]]]
    records: list[dict[int, bytes]]


def read(message: bytes, templates: dict[int, list[tuple[int, int]]]) -> Message:
    version, length, _, sequence, _ = struct.unpack_from("!HHIII", message)
    assert (version, length) == (10, len(message))
    place, found, records = 16, {}, []
    while place < length:
        number, size = struct.unpack_from("!HH", message, place)
        assert size >= 4
        body = message[place + 4 : place + size]
        if number == 2:
            found = dict(read_templates(body))
            templates |= found
        else:
            records += list(read_records(body, templates[number]))
        place += size
    assert place == length
    return Message(sequence, found, records)


def read_templates(body: bytes) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    while len(body) >= 4:
        number, count = struct.unpack_from("!HH", body)
        yield number, [struct.unpack_from("!HH", body, 4 + 4 * i) for i in range(count)]
        body = body[4 + 4 * count :]


def read_records(body: bytes, template: list[tuple[int, int]]) -> Iterator[dict[int, bytes]]:
    while len(body) >= 4:
        record = {}
        for element, octets in template:
            if octets == 0xFFFF:
                octets, body = body[0], body[1:]
            record[element], body = body[:octets], body[octets:]
        yield record


def number(octets: bytes) -> int:
    return int.from_bytes(octets)


def test_each_way_is_a_record() -> None:
    (octets,) = IpfixWriter().messages([flow()], 9)
    forward, reverse = read(octets, {}).records
    assert (forward[8], forward[12]) == (b"\x0a\0\0\1", b"\x0a\0\0\2")
    assert (reverse[8], reverse[12]) == (b"\x0a\0\0\2", b"\x0a\0\0\1")
    assert (number(forward[7]), number(forward[11])) == (40_000, 443)
    assert (number(reverse[7]), number(reverse[11])) == (443, 40_000)
    assert (number(forward[2]), number(reverse[2])) == (10, 20)
    assert number(forward[352]) == 1000
    assert number(forward[1]) == 1000 - 10 * (14 + 4), "octets of IP: without the Ethernet header and the VLAN tag"
    assert (number(forward[152]), number(forward[153])) == (START // 1_000_000, START // 1_000_000 + 1000)
    assert (number(forward[6]), number(forward[5]), number(forward[4])) == (0x1B, 26 << 2, 6)
    assert (number(forward[239]), number(reverse[239]), number(forward[58])) == (1, 2, 7)
    assert forward[96] == b"tls"


def test_a_way_without_packets_is_none() -> None:
    (octets,) = IpfixWriter().messages([flow(reverse=NOTHING)], 9)
    assert len(read(octets, {}).records) == 1


def test_other_addresses_have_templates_of_their_own() -> None:
    v6 = flow(key=key(source=b"\xfe" * 16, destination=b"\xfd" * 16))
    mac = flow(key=key(source=b"\2" * 6, destination=b"\3" * 6, protocol=0, ether_type=0x88CC))
    writer = IpfixWriter()
    (octets,) = writer.messages([v6, mac, flow(key=key(source=b"\0\1", destination=b"\0\2"))], 9)
    records = read(octets, {}).records
    assert [record.get(27) or record.get(56) for record in records] == [
        b"\xfe" * 16,
        b"\xfd" * 16,
        b"\2" * 6,
        b"\3" * 6,
    ]
    assert number(records[2][256]) == 0x88CC
    assert writer.left_out == 1, "a LID is no address that IPFIX has"


def test_messages_fit_a_datagram_and_count_records() -> None:
    writer = IpfixWriter()
    templates: dict[int, list[tuple[int, int]]] = {}
    flows = [flow(label="x" * (n % 50)) for n in range(500)]
    read_back = [read(octets, templates) for octets in writer.messages(flows, 9)]
    assert sum(len(message.records) for message in read_back) == 1000
    sequence = 0
    for index, message in enumerate(read_back):
        assert message.sequence == sequence
        assert bool(message.templates) == (index % TEMPLATES_EVERY == 0)
        sequence += len(message.records)
    again = list(writer.messages(flows, 9))
    assert max(map(len, again)) <= MAX_MESSAGE_OCTETS


@pytest.mark.needs_program("nfcapd", package="nfdump")
def test_nfdump_reads_them(tmp_path: Path) -> None:
    """A collector of others takes them off the wire, and shows the same numbers."""
    now = time.time_ns() // SECOND * SECOND

    def lately(packets: int) -> Way:
        return way(now - START, packets)

    flows: list[Flow] = [
        flow(start_ns=now, end_ns=now + SECOND, forward=lately(10), reverse=lately(20), key=key(tunnel=Tunnel.NONE)),
        flow(forward=lately(5), reverse=NOTHING, key=key(source=b"\xfe" * 16, destination=b"\xfd" * 16, protocol=17)),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["nfcapd", "-w", str(tmp_path), "-b", "127.0.0.1", "-p", str(port), "-t", "60"]
    receiver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_listening(port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for octets in IpfixWriter().messages(flows, now // SECOND):
                sender.sendto(octets, ("127.0.0.1", port))
        time.sleep(0.3)  # a datagram tells nobody that it was taken
    finally:
        receiver.terminate()
        receiver.wait(20)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("nfcapd.")]
    shown = subprocess.run(
        ["nfdump", "-q", "-r", str(files[0]), "-o", "json"], capture_output=True, text=True, check=True
    )
    # It separates its documents by nothing, or by commas within brackets, by its version.
    rows = [json.loads(text) for text in re.findall(r"\{[^{}]*\}", shown.stdout)]
    assert {(row.get("src4_addr") or row["src6_addr"], row["in_packets"], row["in_bytes"]) for row in rows} == {
        ("10.0.0.1", 10, 1000 - 18 * 10),
        ("10.0.0.2", 20, 2000 - 18 * 20),
        ("fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe", 5, 500 - 18 * 5),
    }
    assert {(row["proto"], row["src_port"]) for row in rows} == {(6, 40_000), (6, 443), (17, 40_000)}


def until_listening(port: int) -> None:
    """Wait until a datagram to the port is not turned away."""
    deadline = time.monotonic() + 10
    wanted = f":{port:04X}"
    while time.monotonic() < deadline:
        if any(wanted in line.split()[1] for line in Path("/proc/net/udp").read_text().splitlines()[1:]):
            return
        time.sleep(0.01)
    pytest.fail("nfcapd does not listen")
