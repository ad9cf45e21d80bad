"""Queue pairs, who holds them, and the counters bound to them, from the kernel: what `rdma resource show` has.

Kernel documentation: include/uapi/rdma/rdma_netlink.h. No privilege is needed, but only processes of the reader's own
PID namespace have a number. The devices are those of the network namespace of the thread that asks, unless the kernel
shares them among all of them, as it does by default. What answers mean: rdma_nldev.py.

The list of queue pairs is expensive: the kernel asks the adapter about each of them. So it is read up to a bound, and
the socket closed, which ends the kernel's work as well.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TypeVar

from probes.sources import netlink
from probes.sources import rdma_nldev as nldev
from probes.sources.netlink import MalformedError
from probes.sources.netlink_socket import NetlinkSocket
from probes.sources.rdma_nldev import Counter, Device, QueuePair, Resources

MAX_DEVICES = 1024
"""Devices in one answer, at most."""

_T = TypeVar("_T")
_NETLINK_RDMA = 20
_CLIENT = 5 << 10
"""RDMA_NL_NLDEV, in the upper bits of a message's type."""
_GET, _RES_GET, _RES_QP_GET, _STAT_GET = 1, 9, 10, 17

_U32 = struct.Struct("=I")
_MAX_DATAGRAMS = 65536


class RdmaNetlinkError(OSError):
    """The kernel has no RDMA netlink, refused, or what it answered cannot be used."""


def devices() -> list[Device]:
    """Every RDMA device. Raises RdmaNetlinkError, as all that follow do."""
    return [device for device in _parsed(nldev.parse_device, _ask(_GET, b"")) if device is not None][:MAX_DEVICES]


def resources() -> list[Resources]:
    """The summary of every device; cheap, for the kernel keeps the numbers."""
    return list(islice(_parsed(nldev.parse_resources, _ask(_RES_GET, b"")), MAX_DEVICES))


def queue_pairs(device: int, limit: int) -> list[QueuePair]:
    """The queue pairs of a device by its index, `limit` at most; costs a firmware command for each."""
    parts = _parsed(nldev.parse_queue_pairs, _ask(_RES_QP_GET, _u32_attribute(nldev.DEV_INDEX, device)))
    return list(islice(chain.from_iterable(parts), limit))


def counters(device: int, limit: int) -> list[Counter]:
    """The counters that queue pairs of a device are bound to, `limit` at most; none before Linux 5.3."""
    request = _u32_attribute(nldev.DEV_INDEX, device) + _u32_attribute(nldev.STAT_RES, nldev.RES_QP)
    return list(islice(chain.from_iterable(_parsed(nldev.parse_counters, _ask(_STAT_GET, request))), limit))


def statistics(device: int, port: int) -> dict[str, int]:
    """The statistics of a port; the optional ones, which sysfs does not have, are among them when switched on."""
    request = _u32_attribute(nldev.DEV_INDEX, device) + _u32_attribute(nldev.PORT_INDEX, port)
    return next(_parsed(nldev.parse_statistics, _ask(_STAT_GET, request, dump=False)), {})


def bodies(datagram: bytes, command: int, sequence: int, port: int) -> tuple[list[memoryview], bool]:
    """The bodies of a datagram's answers to a request, and whether the answer ends with it.

    Messages for others are skipped. Raises RdmaNetlinkError for what is malformed or is an error itself.
    """
    found: list[memoryview] = []
    try:
        for message in netlink.answers(datagram, sequence, port):
            if message.kind in (netlink.ERROR, netlink.DONE):
                _raise_if_failed(message)
                return found, True
            if message.kind == netlink.OVERRUN:
                raise RdmaNetlinkError(errno.EOVERFLOW, "RDMA netlink lost part of the answer")
            if message.kind != _CLIENT | command:
                raise RdmaNetlinkError(errno.EBADMSG, f"RDMA netlink answered with a message of type {message.kind}")
            found.append(message.body)
    except MalformedError as error:
        raise _unusable(error) from error
    return found, False


def _ask(command: int, request: bytes, *, dump: bool = True) -> Iterator[memoryview]:
    """The bodies of an answer as they come; the socket is closed when the caller has enough."""
    try:
        # A socket per request costs some 20 us and never holds what is left of an earlier answer.
        opened = NetlinkSocket(_NETLINK_RDMA)
    except OSError as error:
        reason = "the kernel has no RDMA netlink: ib_core is not loaded"
        raise RdmaNetlinkError(error.errno, f"{reason} ({error.strerror})") from error
    flags = netlink.REQUEST | (netlink.DUMP if dump else netlink.ACK)
    with opened:
        for datagram in opened.ask(_CLIENT | command, flags, request, limit=_MAX_DATAGRAMS, fail=_failed):
            found, done = bodies(datagram, command, opened.sequence, opened.port)
            yield from found
            if done:
                return


def _failed(number: int, words: str) -> RdmaNetlinkError:
    return RdmaNetlinkError(number, f"RDMA netlink: {words}")


def _parsed(parse: Callable[[memoryview], _T], asked: Iterator[memoryview]) -> Iterator[_T]:
    for body in asked:
        try:
            yield parse(body)
        except MalformedError as error:
            raise _unusable(error) from error


def _u32_attribute(kind: int, value: int) -> bytes:
    return netlink.attribute(kind, _U32.pack(value))


def _raise_if_failed(message: netlink.Message) -> None:
    number, words = netlink.refusal(message)
    if number:
        reason = words or os.strerror(number)
        raise RdmaNetlinkError(number, f"RDMA netlink refused: {reason}")


def _unusable(error: MalformedError) -> RdmaNetlinkError:
    return RdmaNetlinkError(errno.EBADMSG, f"malformed RDMA netlink answer: {error}")
