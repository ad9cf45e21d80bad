"""What RDMA netlink says of devices, queue pairs and counters: functions of the bodies of its messages.

Kernel documentation: include/uapi/rdma/rdma_netlink.h (enum rdma_nldev_attr); the answers are made in
drivers/infiniband/core/nldev.c. All raise netlink.MalformedError for what is none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from probes.sources import netlink
from probes.sources.netlink import MalformedError

MAX_ENTRIES = 65536
"""Entries in one table, at most."""
MAX_STATISTICS = 512
"""Statistics of one counter, at most."""

DEV_INDEX, DEV_NAME, PORT_INDEX = 1, 2, 3
"""Attributes, also those of requests."""
_RES_SUMMARY, _RES_SUMMARY_ENTRY, _RES_SUMMARY_NAME, _RES_SUMMARY_CURR = 15, 16, 17, 18
RES_QP, _RES_QP_ENTRY, _RES_LQPN, _RES_RQPN, _RES_SQ_PSN, _RES_PATH_MIG = 19, 20, 21, 22, 24, 25
_RES_TYPE, _RES_STATE, _RES_PID, _RES_KERN_NAME, _RES_SUBTYPE = 26, 27, 28, 29, 98
_STAT_MODE, STAT_RES, _STAT_COUNTER, _STAT_COUNTER_ENTRY, _STAT_COUNTER_ID = 74, 75, 77, 78, 79
_STAT_HWCOUNTERS, _STAT_HWCOUNTER_ENTRY, _STAT_HWCOUNTER_NAME, _STAT_HWCOUNTER_VALUE = 80, 81, 82, 83

_TYPES = dict(enumerate(("smi", "gsi", "rc", "uc", "ud", "raw_ipv6", "raw_ethertype")))
_TYPES |= {8: "raw_packet", 9: "xrc_ini", 10: "xrc_tgt", 255: "driver"}
"""enum ib_qp_type, in lower case."""
_STATES = ("reset", "init", "rtr", "rts", "sqd", "sqe", "err")
"""enum ib_qp_state: made, initialized, ready to receive, ready to send, draining, send error, error."""
_MODES = ("none", "auto", "manual")

_U64 = struct.Struct("=Q")


class Device(NamedTuple):
    """An RDMA device."""

    number: int
    name: str
    ports: int


class Resources(NamedTuple):
    """How many objects of each kind a device has, such as `{"qp": 4, "mr": 12}`; also those that no process holds."""

    device: str
    counts: dict[str, int]


class QueuePair(NamedTuple):
    """One queue pair. What the kernel did not say is None, or an empty text."""

    number: int
    port: int | None
    """None before it was bound to one."""
    kind: str
    """Service type such as `rc` or `ud`; for those of the driver's own, its name for them (`dci`)."""
    state: str
    """`reset`, `init`, `rtr`, `rts`, `sqd`, `sqe` or `err`."""
    pid: int | None
    """The process that made it; None for the kernel's own, and for processes of other PID namespaces."""
    kernel_user: str
    """The part of the kernel that holds it, such as `ib_core`; empty for a process."""
    remote_number: int | None
    send_psn: int | None
    """Sequence number of the next packet to be sent."""
    path_migration: int | None
    """Of the alternate path: 0 migrated, 1 rearm, 2 armed."""


class Counter(NamedTuple):
    """A counter that queue pairs are bound to, by hand or by a rule (`rdma statistic qp`)."""

    id: int
    port: int | None
    mode: str
    """`manual`, or `auto` where the adapter binds by type or process."""
    kind: str
    """Service type that it is for, if that is its rule."""
    pid: int | None
    """Process that it is for, if that is its rule."""
    queue_pairs: tuple[int, ...]
    statistics: dict[str, int]
    """By the driver's names, which are those of hw_counters; optional ones too."""


def parse_device(body: memoryview) -> Device | None:
    """A device from a message body; None when it has no name."""
    found = netlink.attributes(body)
    index, name = netlink.u32(found, DEV_INDEX), netlink.text(found, DEV_NAME)
    # Its port index is how many ports there are.
    return None if index is None or not name else Device(index, name, netlink.u32(found, PORT_INDEX) or 0)


def parse_resources(body: memoryview) -> Resources:
    """A device's summary from a message body."""
    found = netlink.attributes(body)
    counts: dict[str, int] = {}
    for entry in _entries(found.get(_RES_SUMMARY), _RES_SUMMARY_ENTRY, MAX_STATISTICS):
        count = _u64(entry, _RES_SUMMARY_CURR)
        if count is not None:
            counts[netlink.text(entry, _RES_SUMMARY_NAME, 32)] = count
    return Resources(netlink.text(found, DEV_NAME), counts)


def parse_queue_pairs(body: memoryview) -> list[QueuePair]:
    """The queue pairs of a message body."""
    table = netlink.attributes(body).get(RES_QP)
    return [_queue_pair(entry) for entry in _entries(table, _RES_QP_ENTRY, MAX_ENTRIES)]


def parse_counters(body: memoryview) -> list[Counter]:
    """The bound counters of a message body."""
    table = netlink.attributes(body).get(_STAT_COUNTER)
    return [_counter(entry) for entry in _entries(table, _STAT_COUNTER_ENTRY, MAX_ENTRIES)]


def parse_statistics(body: memoryview) -> dict[str, int]:
    """The statistics of a port as a whole, optional ones that are switched on too."""
    return _statistics(netlink.attributes(body).get(_STAT_HWCOUNTERS))


def _queue_pair(found: Mapping[int, memoryview]) -> QueuePair:
    number = netlink.u32(found, _RES_LQPN)
    if number is None:
        raise MalformedError("queue pair without a number")
    kind = _kind(found)
    state = netlink.u8(found, _RES_STATE)
    return QueuePair(
        number=number,
        port=netlink.u32(found, PORT_INDEX),
        # There may be thousands, and few have these texts.
        kind=(netlink.text(found, _RES_SUBTYPE, 16).lower() if _RES_SUBTYPE in found else "") or kind,
        state=_STATES[state] if state is not None and state < len(_STATES) else "unknown",
        pid=netlink.u32(found, _RES_PID),
        kernel_user=netlink.text(found, _RES_KERN_NAME, 32) if _RES_KERN_NAME in found else "",
        remote_number=netlink.u32(found, _RES_RQPN),
        send_psn=netlink.u32(found, _RES_SQ_PSN),
        path_migration=netlink.u8(found, _RES_PATH_MIG),
    )


def _counter(found: Mapping[int, memoryview]) -> Counter:
    number = netlink.u32(found, _STAT_COUNTER_ID)
    if number is None:
        raise MalformedError("counter without a number")
    mode = netlink.u32(found, _STAT_MODE) or 0
    numbers = (netlink.u32(entry, _RES_LQPN) for entry in _entries(found.get(RES_QP), _RES_QP_ENTRY, MAX_ENTRIES))
    return Counter(
        id=number,
        port=netlink.u32(found, PORT_INDEX),
        mode=_MODES[mode] if mode < len(_MODES) else "unknown",
        kind=_kind(found) if _RES_TYPE in found else "",
        pid=netlink.u32(found, _RES_PID),
        queue_pairs=tuple(each for each in numbers if each is not None),
        statistics=_statistics(found.get(_STAT_HWCOUNTERS)),
    )


def _statistics(table: memoryview | None) -> dict[str, int]:
    values = {
        netlink.text(entry, _STAT_HWCOUNTER_NAME, 48): _u64(entry, _STAT_HWCOUNTER_VALUE)
        for entry in _entries(table, _STAT_HWCOUNTER_ENTRY, MAX_STATISTICS)
    }
    return {name: value for name, value in values.items() if name and value is not None}


def _kind(found: Mapping[int, memoryview]) -> str:
    number = netlink.u8(found, _RES_TYPE)
    return "unknown" if number is None else _TYPES.get(number, "unknown")


def _entries(table: memoryview | None, kind: int, limit: int) -> Iterator[dict[int, memoryview]]:
    """The attributes of each of a table's entries, which are all of one type."""
    rows = netlink.each_attribute(table if table is not None else memoryview(b""))
    for number, (found, row) in enumerate(rows):
        if number == limit:
            raise MalformedError(f"more than {limit} entries in a table")
        if found == kind:
            yield netlink.attributes(row)


def _u64(found: Mapping[int, memoryview], kind: int) -> int | None:
    payload = found.get(kind)
    if payload is None:
        return None
    if len(payload) < _U64.size:
        raise MalformedError(f"attribute {kind} has {len(payload)} bytes, expected {_U64.size}")
    value: int = _U64.unpack_from(payload)[0]
    return value
