"""What nDPI's own results say of its captures (shared/data/captures/ndpi), and how its reader counts.

Found by comparing, on all of the captures: a flow is what has one transport protocol, one VLAN and one pair of ends,
for as long as the file goes on; octets are those that were captured, from the link header on. A frame belongs to no
flow when it is a later fragment of IPv4, or its IPv4 header says more octets than were captured. Ports of SCTP are not
told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from fabricscope.flow import FlowRecord
from tests.conformance.metered import Frame
from tests.conformance.trees import recording

SET = "captures/ndpi"
_PROTOCOLS = {
    "TCP": 6,
    "UDP": 17,
    "ICMP": 1,
    "ICMPV6": 58,
    "IGMP": 2,
    "SCTP": 132,
    "VRRP": 112,
    "AH": 51,
    "ESP": 50,
    "PGM": 113,
    "PIM": 103,
}
_WITH_PORTS = (6, 17)
_IPV4, _IPV6 = 4, 16
_VLAN_TYPES = (0x8100, 0x88A8)
_ETHERNET = 1
_BEFORE_IP = {0: 4, 12: 0, 101: 0, 113: 16, 228: 0, 276: 20}
"""Octets of link headers that say nothing here, by link type."""


class Key(NamedTuple):
    """What one flow has in common."""

    protocol: int
    vlan: int
    ends: frozenset[tuple[bytes, int]]


@dataclass(frozen=True)
class Count:
    """What a flow has, both ways."""

    packets: int = 0
    octets: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.packets + other.packets, self.octets + other.octets)


class Row(NamedTuple):
    """One flow of nDPI."""

    key: Key
    total: Count
    undetected: bool
    inspected: bool
    """Whether its payload said what it is."""
    master: str
    protocols: frozenset[str]
    """What it is called, from the transport's protocol to the service."""
    host: str | None
    ja4: str | None


@cache
def rows() -> dict[str, list[Row]]:
    """By capture; skips the test where the captures are not there."""
    found: dict[str, list[Row]] = {}
    for line in (recording(SET) / "expected_flows.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        protocol = _PROTOCOLS.get(told["l4"]) or int(told["l4"])
        row = Row(
            key=Key(protocol, int(told["vlan"] or 0), frozenset((_end(told["a"]), _end(told["b"])))),
            total=Count(told["c2s_pkts"] + told["s2c_pkts"], told["c2s_bytes"] + told["s2c_bytes"]),
            undetected=told["undetected"],
            inspected=told["conf"] == "DPI",
            master=told["master"],
            protocols=frozenset((told["master"], *told["proto"].split("."))),
            host=told["host"],
            ja4=told["ja4"],
        )
        found.setdefault(told["pcap"], []).append(row)
    return found


def capture(name: str) -> Path:
    """A capture's path."""
    return recording(SET) / "pcap" / name


def key_of(record: FlowRecord) -> Key:
    """What nDPI would put a record under."""
    key = record.key
    ports = (key.source_port, key.destination_port) if key.protocol in _WITH_PORTS else (0, 0)
    return Key(key.protocol, key.vlan, frozenset(zip((key.source, key.destination), ports, strict=True)))


def by_key(records: Iterable[FlowRecord]) -> dict[Key, Count]:
    """Records of IP, those that nDPI would take for one added up."""
    found: dict[Key, Count] = {}
    for record in records:
        if len(record.key.source) not in (_IPV4, _IPV6):
            continue
        ways = (record.forward, record.reverse)
        count = Count(sum(way.packets for way in ways), sum(way.octets for way in ways))
        found[key_of(record)] = found.get(key_of(record), Count()) + count
    return found


def as_captured(frame: Frame) -> Frame:
    """A frame with the size that nDPI's reader has for it."""
    return frame._replace(wire_octets=len(frame.octets))


def is_counted(frame: Frame) -> bool:
    """Whether nDPI's reader takes a frame; what is no IPv4 it does."""
    header = _ipv4(frame)
    if header is None or len(header) < 20 or header[0] >> 4 != 4:
        return True
    length, place = int.from_bytes(header[2:4]), int.from_bytes(header[6:8])
    return place & 0x1FFF == 0 and length <= len(header)


def _ipv4(frame: Frame) -> bytes | None:
    """From the outermost IPv4 header on."""
    if frame.link in _BEFORE_IP:
        return frame.octets[_BEFORE_IP[frame.link] :]
    if frame.link != _ETHERNET:
        return None
    for at in range(12, 12 + 4 * 4, 4):
        ether_type = int.from_bytes(frame.octets[at : at + 2])
        if ether_type not in _VLAN_TYPES:
            return frame.octets[at + 2 :] if ether_type == 0x0800 else None
    return None


def _end(text: str) -> tuple[bytes, int]:
    """Address and port. In an IPv6 address nDPI writes `::` for each group of zeros, also for a second one."""
    address, _, port = text.rpartition(":")
    address = address.strip("[]")
    if address.count("::") > 1:
        address = re.sub("::(?=.*::)", ":0:", address)
    return ip_address(address).packed, int(port)
