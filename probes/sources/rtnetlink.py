"""Network interfaces and their counters, in one dump of the kernel's routing netlink.

Kernel documentation: Documentation/netlink/specs/rt-link.yaml, include/uapi/linux/if_link.h. Needs no privilege. Shows
the network namespace of the thread that asks; there is no root to replace, so tests feed `parse_links` bytes.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from probes.sources import netlink
from probes.sources.netlink_socket import NetlinkSocket

MAX_LINKS = 16384
"""Interfaces in one dump, at most."""

STATS_FIELDS = (
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped",
    "multicast", "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors",
    "rx_fifo_errors", "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors",
    "tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed", "rx_nohandler", "rx_otherhost_dropped",
)  # fmt: skip
"""`struct rtnl_link_stats64` in order. The last two came with Linux 4.6 and 5.19, later ones would follow."""

ETHERNET = 1
"""ARPHRD_ETHER: the hardware type of Ethernet interfaces, and of what imitates them."""
INFINIBAND = 32
"""ARPHRD_INFINIBAND: the hardware type of IP over InfiniBand."""

_IFF_UP = 1 << 0
_IFF_LOWER_UP = 1 << 16

_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")
"""RFC 2863 states by number, in the words that sysfs uses."""

_RTM_NEWLINK, _RTM_GETLINK = 16, 18

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_OPERSTATE, _IFLA_LINKINFO, _IFLA_STATS64 = 1, 3, 4, 16, 18, 23
_IFLA_CARRIER, _IFLA_CARRIER_CHANGES, _IFLA_CARRIER_UP_COUNT, _IFLA_CARRIER_DOWN_COUNT = 33, 35, 47, 48
_IFLA_PARENT_DEV_NAME, _IFLA_PARENT_DEV_BUS_NAME = 56, 57
_IFLA_INFO_KIND = 1

_INTERFACE = struct.Struct("=BxHiII")  # ifinfomsg: family, hardware type, index, flags, change

_MAX_DATAGRAMS = 2 * MAX_LINKS
_ATTEMPTS = 5
"""How often a dump is asked for when interfaces come and go during it."""


class RtnetlinkError(OSError):
    """The kernel refused a dump, or what it sent cannot be used."""


class DumpInterruptedError(RtnetlinkError):
    """Interfaces changed during the dump, so some may be missing or twice in it: ask again."""


class Link(NamedTuple):
    """One network interface. What the kernel did not say is None, or an empty text."""

    ifindex: int
    name: str
    hardware_type: int
    """ARPHRD number, such as ETHERNET."""
    kind: str
    """What virtual device it is (`veth`, `bond`, `vlan`); empty for most hardware."""
    admin_up: bool
    lower_up: bool
    """Whether the layer below is ready, which for hardware means the carrier."""
    operstate: str
    mtu: int | None
    """In bytes."""
    address: str
    """Link-layer address, in hexadecimal pairs."""
    carrier: bool | None
    carrier_changes: int | None
    """u32 that wraps, as the next two, which count its ups and downs."""
    carrier_up_count: int | None
    carrier_down_count: int | None
    parent_bus: str
    """Bus of the device behind it, such as `pci`; empty before Linux 5.14 and for virtual interfaces."""
    parent_name: str
    """That device's name on its bus, such as `0000:17:00.0`."""
    stats: Mapping[str, int]
    """Counters by name (STATS_FIELDS); those that the kernel does not have are not in it."""


class Part(NamedTuple):
    """What one datagram of a dump holds."""

    links: list[Link]
    done: bool
    """Whether the dump ends here."""


def dump_links() -> list[Link]:
    """Every interface of this thread's network namespace, by index.

    Raises RtnetlinkError, and OSError when there is no netlink.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _dump_once()
        except DumpInterruptedError:
            continue
    return _dump_once()


def parse_links(datagram: bytes, sequence: int, port: int) -> Part:
    """The interfaces in one datagram that answers the request `sequence` of the netlink port `port`.

    Messages for others are skipped. Raises RtnetlinkError for what is malformed or is an error itself.
    """
    try:
        return _parse_links(datagram, sequence, port)
    except netlink.MalformedError as error:
        raise RtnetlinkError(errno.EBADMSG, f"malformed rtnetlink answer: {error}") from error


def _parse_links(datagram: bytes, sequence: int, port: int) -> Part:
    links: list[Link] = []
    for message in netlink.answers(datagram, sequence, port):
        if message.flags & netlink.DUMP_INTERRUPTED:
            raise DumpInterruptedError(errno.EINTR, "interfaces changed during the rtnetlink dump")
        if message.kind == netlink.OVERRUN:
            raise RtnetlinkError(errno.EOVERFLOW, "rtnetlink lost part of the dump")
        if message.kind in (netlink.ERROR, netlink.DONE):
            _raise_if_failed(message)
            return Part(links, done=True)
        if message.kind == _RTM_NEWLINK:
            links.append(_parse_link(message.body))
        else:
            raise netlink.MalformedError(f"message type {message.kind} in a dump of interfaces")
    return Part(links, done=False)


def _dump_once() -> list[Link]:
    # A socket per dump costs some 20 us and never holds what is left of an earlier dump that went wrong.
    with NetlinkSocket(socket.NETLINK_ROUTE) as kernel:
        everything = _INTERFACE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        flags = netlink.REQUEST | netlink.DUMP
        links: dict[int, Link] = {}
        for datagram in kernel.ask(_RTM_GETLINK, flags, everything, limit=_MAX_DATAGRAMS, fail=_failed):
            part = parse_links(datagram, kernel.sequence, kernel.port)
            links |= {link.ifindex: link for link in part.links}
            if len(links) > MAX_LINKS:
                raise RtnetlinkError(errno.E2BIG, f"more than {MAX_LINKS} network interfaces")
            if part.done:
                break
        return [links[index] for index in sorted(links)]


def _failed(number: int, words: str) -> RtnetlinkError:
    return RtnetlinkError(number, f"dump of interfaces by rtnetlink: {words}")


def _raise_if_failed(message: netlink.Message) -> None:
    """Raise what an error or the end of a dump reports."""
    number = netlink.refusal(message).number
    if number == errno.EINTR:
        raise DumpInterruptedError(number, "interfaces changed during the rtnetlink dump")
    if number:
        raise RtnetlinkError(number, f"rtnetlink refused the dump of interfaces: {os.strerror(number)}")


def _parse_link(body: memoryview) -> Link:
    if len(body) < _INTERFACE.size:
        raise netlink.MalformedError(f"interface message of {len(body)} bytes")
    _family, hardware_type, index, flags, _change = _INTERFACE.unpack_from(body)
    attributes = netlink.attributes(body[_INTERFACE.size :])
    info = netlink.attributes(attributes.get(_IFLA_LINKINFO, memoryview(b"")))
    state = netlink.u8(attributes, _IFLA_OPERSTATE) or 0
    carrier = netlink.u8(attributes, _IFLA_CARRIER)
    return Link(
        ifindex=index,
        name=_name(attributes),
        hardware_type=hardware_type,
        kind=netlink.text(info, _IFLA_INFO_KIND),
        admin_up=bool(flags & _IFF_UP),
        lower_up=bool(flags & _IFF_LOWER_UP),
        operstate=_OPERSTATES[state] if state < len(_OPERSTATES) else "unknown",
        mtu=netlink.u32(attributes, _IFLA_MTU),
        address=bytes(attributes.get(_IFLA_ADDRESS, b"")[:32]).hex(":"),
        carrier=None if carrier is None else bool(carrier),
        carrier_changes=netlink.u32(attributes, _IFLA_CARRIER_CHANGES),
        carrier_up_count=netlink.u32(attributes, _IFLA_CARRIER_UP_COUNT),
        carrier_down_count=netlink.u32(attributes, _IFLA_CARRIER_DOWN_COUNT),
        parent_bus=netlink.text(attributes, _IFLA_PARENT_DEV_BUS_NAME),
        parent_name=netlink.text(attributes, _IFLA_PARENT_DEV_NAME),
        stats=_stats(attributes.get(_IFLA_STATS64, memoryview(b""))),
    )


def _stats(payload: memoryview) -> dict[str, int]:
    count = min(len(payload) // 8, len(STATS_FIELDS))
    return dict(zip(STATS_FIELDS, payload[: count * 8].cast("Q").tolist(), strict=False))


def _name(attributes: Mapping[int, memoryview]) -> str:
    """The interface's name, which is safe as a part of a path."""
    name = netlink.text(attributes, _IFLA_IFNAME)
    if not name or name in (".", "..") or "/" in name:
        raise netlink.MalformedError(f"interface name {name!r}")
    return name
