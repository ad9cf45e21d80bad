"""tcpdump's filter language, compiled by libpcap, which is loaded when a filter is given and not before.

pcap-filter(7) describes the language. What comes out is classic BPF: the kernel runs it on a ring, the engine on files.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Program = list[tuple[int, int, int, int]]
"""Instructions: code, jump if true, jump if false, constant."""

MAX_SNAP = 262_144
MAX_EXPRESSION = 65_536
"""Characters of an expression."""

LIBRARY = "libpcap.so.0.8"
ERROR_SIZE = 256
UNKNOWN_NETMASK = 0xFFFFFFFF

# Link types (LINKTYPE_*) whose number is another one in libpcap's own list (DLT_*).
OWN_NUMBERS = {101: 12}

COMMON_LINKS = (0, 1, 101, 105, 108, 113, 127, 228, 229, 276)
"""Link types that packets with IP come in, to compile an expression for a file of which nothing is known yet."""


class FilterError(ValueError):
    """A filter that cannot be used; the text says which, why and what helps."""


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def compile_filter(expression: str, link: int = 1, snap: int = MAX_SNAP, library: str = LIBRARY) -> Program:
    """For frames of a link type, as a file has them. FilterError says what is wrong with the expression."""
    pcap = _load(library)
    handle = pcap.pcap_open_dead(OWN_NUMBERS.get(link, link), snap)
    if not handle:
        raise FilterError(f"filter {expression!r}: no memory")
    with _closed(pcap, handle):
        return _compile(pcap, handle, expression)


def compile_for_files(expression: str, links: Iterable[int] = COMMON_LINKS) -> list[tuple[int, Program]]:
    """For each link type that knows the expression. FilterError when none does."""
    programs = []
    refused = None
    for link in links:
        try:
            programs.append((link, compile_filter(expression, link)))
        except FilterError as error:
            refused = refused or error
    if refused and not programs:
        raise refused
    return programs


def compile_for_interface(expression: str, interface: str, library: str = LIBRARY) -> Program:
    """For frames of an interface as they come from the kernel.

    It takes VLAN tags off before a filter sees them; only for an open interface libpcap looks where they are then. That
    needs CAP_NET_RAW, as the capture does; where the interface cannot be opened, Ethernet without that is taken.
    """
    pcap = _load(library)
    problem = ctypes.create_string_buffer(ERROR_SIZE)
    handle = pcap.pcap_create(interface.encode(), problem)
    if handle:
        with _closed(pcap, handle):
            if pcap.pcap_activate(handle) >= 0 and pcap.pcap_datalink(handle) in (1, 12):
                return _compile(pcap, handle, expression)
    return compile_filter(expression, library=library)


def _compile(pcap: ctypes.CDLL, handle: int, expression: str) -> Program:
    if len(expression) > MAX_EXPRESSION or "\0" in expression:
        raise FilterError(f"a filter has {MAX_EXPRESSION:,} characters at most, and none of them is NUL")
    program = _Program()
    if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, UNKNOWN_NETMASK) != 0:
        reason = ctypes.string_at(pcap.pcap_geterr(handle)).decode("utf-8", "replace")
        raise FilterError(f"filter {expression!r}: {reason} (man pcap-filter describes the language)")
    try:
        instructions = (program.instructions[index] for index in range(program.length))
        return [(one.code, one.jt, one.jf, one.k) for one in instructions]
    finally:
        pcap.pcap_freecode(ctypes.byref(program))


@contextmanager
def _closed(pcap: ctypes.CDLL, handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        pcap.pcap_close(handle)


@functools.cache
def _load(library: str) -> ctypes.CDLL:
    try:
        pcap = ctypes.CDLL(library)
    except OSError as error:
        raise FilterError(
            f"filters need {library}: {error}; install libpcap (Debian package libpcap0.8), or give the instructions "
            "that `tcpdump -ddd` prints"
        ) from error
    pcap.pcap_open_dead.restype = ctypes.c_void_p
    pcap.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
    pcap.pcap_create.restype = ctypes.c_void_p
    pcap.pcap_create.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    pcap.pcap_geterr.restype = ctypes.c_void_p
    for function in (pcap.pcap_activate, pcap.pcap_datalink, pcap.pcap_close, pcap.pcap_geterr):
        function.argtypes = (ctypes.c_void_p,)
    pcap.pcap_close.restype = None
    pcap.pcap_compile.argtypes = (
        ctypes.c_void_p,
        ctypes.POINTER(_Program),
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    pcap.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
    pcap.pcap_freecode.restype = None
    return pcap
