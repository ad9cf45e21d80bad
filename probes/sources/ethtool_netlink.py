"""The memory of pluggable modules, read page by page through the kernel's generic netlink family `ethtool`.

Kernel documentation: Documentation/networking/ethtool-netlink.rst (MODULE_EEPROM_GET), Linux 5.13 and later; drivers
that read no pages are asked by the kernel for the older, linear dump. Needs CAP_NET_ADMIN in the network namespace
that is asked. A read takes the bus below some milliseconds, during which the call does not return.
"""

from __future__ import annotations

import errno
import os
import struct
from contextlib import suppress

from probes.sources import netlink
from probes.sources.netlink_socket import NetlinkSocket

MAX_LENGTH = 128
"""Bytes of one read, which lie either below byte 128 or at and above it."""

_FAMILY = "ethtool"
_VERSION = 1
_CONTROL_ID, _CONTROL_GET_FAMILY, _CONTROL_FAMILY_ID, _CONTROL_FAMILY_NAME = 16, 3, 1, 2
_EEPROM_GET = 31
_EEPROM_HEADER, _EEPROM_OFFSET, _EEPROM_LENGTH, _EEPROM_PAGE, _EEPROM_BANK, _EEPROM_ADDRESS, _EEPROM_DATA = range(1, 8)
_HEADER_DEVICE_NAME = 2

_GENERIC = struct.Struct("=BBxx")  # genlmsghdr: command, version
_NETLINK_GENERIC = 16
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 270, 10, 11
_MAX_STRAY = 64
"""Datagrams for others, or late ones, that are passed over in wait of an answer."""
_MAX_DEVICE_BYTES = 15


class EthtoolNetlinkError(OSError):
    """The kernel or the driver refused, or what it answered cannot be used."""


class EthtoolNetlink:
    """Asks on one socket that stays open; it is opened when it is first needed."""

    def __init__(self) -> None:
        self._socket: NetlinkSocket | None = None
        self._family = 0

    def read_module(self, device: str, page: int, bank: int, offset: int, length: int, address: int) -> bytes:
        """Bytes of the module of an interface, from `offset` (a page begins at 128) on; `address` is the one on I2C.

        Raises EthtoolNetlinkError with the kernel's number: ENODEV for an interface that is gone, EOPNOTSUPP for one
        without modules, EPERM without CAP_NET_ADMIN, EINVAL for a page that is not there, EIO for a module that does
        not answer, ENOENT for a kernel that has no such family.
        """
        request = module_request(device, page, bank, offset, length, address)
        kernel = self._open()
        what = f"{device}: page {page:02X}h bytes {offset}-{offset + length - 1}"
        return parse_module(_ask(kernel, self._family, _EEPROM_GET, request, what), length, what)

    def close(self) -> None:
        """Close the socket; a later read opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __del__(self) -> None:
        """Leave no socket behind."""
        with suppress(AttributeError):
            self.close()

    def _open(self) -> NetlinkSocket:
        """The socket, and the number of the family, which the kernel gives out when it boots."""
        if self._socket is None:
            # Before Linux 4.12 there are no such options, and errors come without the driver's words.
            options = {(_SOL_NETLINK, _NETLINK_CAP_ACK): 1, (_SOL_NETLINK, _NETLINK_EXT_ACK): 1}
            kernel = NetlinkSocket(_NETLINK_GENERIC, options)
            try:
                name = netlink.attribute(_CONTROL_FAMILY_NAME, _FAMILY.encode() + b"\0")
                answer = _ask(kernel, _CONTROL_ID, _CONTROL_GET_FAMILY, name, f"generic netlink family {_FAMILY}")
                self._family = parse_family(answer)
            except BaseException:
                kernel.close()
                raise
            self._socket = kernel
        return self._socket


def _ask(kernel: NetlinkSocket, kind: int, command: int, body: bytes, what: str) -> memoryview:
    """The attributes of the one answer."""

    def failed(number: int, words: str) -> EthtoolNetlinkError:
        return EthtoolNetlinkError(number, f"{what}: {words}")

    request = _GENERIC.pack(command, _VERSION) + body
    answers = (
        parse_answer(datagram, kind, kernel.sequence, kernel.port, what)
        for datagram in kernel.ask(kind, netlink.REQUEST, request, limit=_MAX_STRAY, fail=failed)
    )
    return next(answer for answer in answers if answer is not None)


def module_request(device: str, page: int, bank: int, offset: int, length: int, address: int) -> bytes:
    """The attributes of a request for bytes of a module. Raises EthtoolNetlinkError for what no kernel would take."""
    name = os.fsencode(device)
    if not 0 < len(name) <= _MAX_DEVICE_BYTES or b"\0" in name:
        raise EthtoolNetlinkError(errno.EINVAL, f"not the name of a network interface: {device!r:.64}")
    half = MAX_LENGTH if offset < MAX_LENGTH else 2 * MAX_LENGTH
    if offset < 0 or length < 1 or offset + length > half:
        raise EthtoolNetlinkError(errno.EINVAL, f"bytes {offset}-{offset + length - 1} do not lie in one half")
    header = netlink.attribute(_HEADER_DEVICE_NAME, name + b"\0")
    return b"".join(
        (
            netlink.attribute(_EEPROM_HEADER | netlink.NESTED, header),
            netlink.attribute(_EEPROM_OFFSET, struct.pack("=I", offset)),
            netlink.attribute(_EEPROM_LENGTH, struct.pack("=I", length)),
            netlink.attribute(_EEPROM_PAGE, bytes((page,))),
            netlink.attribute(_EEPROM_BANK, bytes((bank,))),
            netlink.attribute(_EEPROM_ADDRESS, bytes((address,))),
        )
    )


def parse_answer(datagram: bytes, kind: int, sequence: int, port: int, what: str) -> memoryview | None:
    """The attributes of the answer to a request in a datagram; None when it is about something else.

    Raises EthtoolNetlinkError for a refusal, and for what is malformed.
    """
    try:
        return _find(datagram, kind, sequence, port, what)
    except netlink.MalformedError as error:
        raise _malformed(what, error) from error


def _find(datagram: bytes, kind: int, sequence: int, port: int, what: str) -> memoryview | None:
    for message in netlink.answers(datagram, sequence, port):
        if message.kind == netlink.ERROR:
            _raise(netlink.refusal(message), what)
        elif message.kind == kind:
            if len(message.body) < _GENERIC.size:
                raise netlink.MalformedError(f"generic netlink message of {len(message.body)} bytes")
            return message.body[_GENERIC.size :]
    return None


def parse_family(attributes: memoryview) -> int:
    """The number of a family from its description. Raises EthtoolNetlinkError."""
    try:
        family = netlink.u16(netlink.attributes(attributes), _CONTROL_FAMILY_ID)
    except netlink.MalformedError as error:
        raise _malformed(_FAMILY, error) from error
    if family is None:
        raise EthtoolNetlinkError(errno.EBADMSG, f"the description of the family {_FAMILY} has no number")
    return family


def parse_module(attributes: memoryview, length: int, what: str) -> bytes:
    """The bytes of a module from an answer, which is to have `length` of them. Raises EthtoolNetlinkError."""
    try:
        data = netlink.attributes(attributes).get(_EEPROM_DATA)
    except netlink.MalformedError as error:
        raise _malformed(what, error) from error
    if data is None or len(data) != length:
        raise EthtoolNetlinkError(errno.EBADMSG, f"{what}: {0 if data is None else len(data)} bytes came")
    return bytes(data)


def _raise(refused: netlink.Refusal, what: str) -> None:
    if not refused.number:
        return
    reason = os.strerror(refused.number)
    if refused.number == errno.EPERM:
        reason = "the memory of modules is for CAP_NET_ADMIN only"
    elif refused.number == errno.ENOENT and what.endswith(_FAMILY):
        reason = "this kernel does not have it (Linux 5.6 and later do)"
    raise EthtoolNetlinkError(refused.number, f"{what}: {reason}{': ' if refused.words else ''}{refused.words}")


def _malformed(what: str, error: netlink.MalformedError) -> EthtoolNetlinkError:
    return EthtoolNetlinkError(errno.EBADMSG, f"{what}: malformed answer: {error}")
