"""The invariant CRC: over everything that no switch or router may change on the way.

Fields that may change count as ones (InfiniBand specification 7.8.1; annexes A16 and A17): of IPv4 the type of
service, time to live and header checksum; of IPv6 and of the global route header traffic class, flow label and hop
limit; the UDP checksum; of the local route header the virtual lane; of the base transport header the octet with the
congestion marks. RoCE has no local route header: eight octets of ones stand for it.
"""

from __future__ import annotations

import zlib

from fabricscope.flow import RdmaLink
from probes.engine.packets.packet import Rdma
from probes.engine.rdma.headers import BASE, ICRC

ONES = b"\xff" * 8
LONGEST = 256
"""The longest headers that are covered: IPv4 with options, or IPv6 with some extension headers, and UDP."""


def right(rdma: Rdma) -> bool | None:
    """Whether the invariant CRC of a packet is right; None when the packet was not captured whole."""
    octets = rdma.transport[: rdma.wire_octets]
    if len(octets) < rdma.wire_octets or len(octets) < ICRC:
        return None
    computed = compute(rdma.link, rdma.covered, octets[:-ICRC])
    return None if computed is None else computed == int.from_bytes(octets[-ICRC:], "little")


def compute(link: RdmaLink, covered: bytes, body: bytes) -> int | None:
    """The invariant CRC of a packet.

    `body`: from its base transport header to the end of its padding; `covered`: the headers before that. It stands in
    the packet with its lowest octet first. None when the headers are none that RDMA has.
    """
    headers = bytearray(covered)
    if len(headers) > LONGEST or len(body) < BASE:
        return None
    start = b"" if link is RdmaLink.INFINIBAND else ONES
    version_6 = 0
    if link is RdmaLink.INFINIBAND:
        if len(headers) < 8:
            return None
        headers[0] |= 0xF0
        version_6 = 8
        if len(headers) == 8:
            version_6 = -1
    elif link is RdmaLink.ROCEV2:
        if len(headers) < 9:
            return None
        headers[-2:] = b"\xff\xff"
        if headers[0] >> 4 == 4:
            if len(headers) < 20:
                return None
            headers[1] = headers[8] = 0xFF
            headers[10:12] = b"\xff\xff"
            version_6 = -1
    if version_6 >= 0:
        if len(headers) < version_6 + 8:
            return None
        headers[version_6] |= 0x0F
        headers[version_6 + 1 : version_6 + 4] = b"\xff\xff\xff"
        headers[version_6 + 7] = 0xFF
    masked = body[:4] + b"\xff" + body[5:]
    return zlib.crc32(masked, zlib.crc32(headers, zlib.crc32(start)))
