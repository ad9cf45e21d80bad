"""tshark as a second opinion: packets and octets of each conversation of TCP and UDP."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.conformance import ndpi
from tests.conformance.metered import metered
from tests.conformance.ndpi import Count
from tests.conformance.scores import Scoring
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native, pytest.mark.needs_program("tshark", package="tshark")]

_EVERY = 12
"""Which of the captures are compared, by their place in the list: tshark takes a second for each."""
_ADDRESSES = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
_PORTS = ("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport")
_ROCE = 4791
_TCP, _UDP = 6, 17

Conversation = tuple[int, frozenset[tuple[bytes, int]]]


def told_by_tshark(path: Path) -> dict[Conversation, Count] | None:
    """By protocol and ends; None for a capture with tunnels or fragments: its fields say several things of a frame."""
    fields = [word for field in ("frame.len", *_ADDRESSES, *_PORTS) for word in ("-e", field)]
    display = "(tcp or udp) and not icmp and not icmpv6 or ip.flags.mf == 1 or ip.frag_offset > 0 or ipv6.fraghdr"
    options = ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    command = ["tshark", "-n", "-r", str(path), *options, "-Y", display, "-T", "fields", *fields]
    printed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120).stdout
    found: dict[Conversation, Count] = {}
    for line in printed.splitlines():
        octets, *rest = line.split("\t")
        addresses, ports = [each for each in rest[:4] if each], [each for each in rest[4:] if each]
        if "," in line or len(addresses) != 2 or len(ports) != 2:
            return None
        ends = frozenset(
            (ip_address(address).packed, int(port)) for address, port in zip(addresses, ports, strict=True)
        )
        key = (_TCP if rest[4] else _UDP, ends)
        found[key] = found.get(key, Count()) + Count(1, int(octets))
    return found


def test_conversations(score: Scoring) -> None:
    scored = score(ndpi.SET)
    compared = 0
    for name in sorted(ndpi.rows())[::_EVERY]:
        theirs = told_by_tshark(ndpi.capture(name))
        if theirs is None:
            continue
        compared += 1
        ours: dict[Conversation, Count] = {}
        for key, count in ndpi.by_key(metered(ndpi.capture(name)).records).items():
            if key.protocol in (_TCP, _UDP) and _ROCE not in {port for _, port in key.ends}:
                # tshark was not asked for the VLAN.
                conversation = (key.protocol, key.ends)
                ours[conversation] = ours.get(conversation, Count()) + count
        for conversation in ours.keys() | theirs.keys():
            if _ROCE not in {port for _, port in conversation[1]}:
                scored.compare(f"{name}: {conversation}", ours.get(conversation), theirs.get(conversation))
    assert compared > 5
