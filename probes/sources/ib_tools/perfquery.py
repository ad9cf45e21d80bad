"""Counters of a node's ports from its performance management agent, by `perfquery`.

The agent has a classic set of counters, 4 to 32 bits wide, and an extended one of 64 bits, of which it need not have
all: its capability masks say what it has, and what it has not the tool may print as 0. It prints a block a port:

    # Port extended counters: Lid 3 port 1 (CapMask: 0x1300 CapMask2: 0x0000000)
    PortSelect:......................1
    PortXmitData:....................15231898284637

InfiniBand Architecture Specification volume 1, 16.1.3.5 (PortCounters), 16.1.4.11 (PortCountersExtended), 16.1.3.1
(ClassPortInfo); rdma-core, perfquery.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from probes.sources.ib_tools.runner import Command, Outcome

MAX_BYTES = 1024 * 1024
"""A block has some 900 octets, a node has 254 ports at most."""
MAX_PORTS = 254

U64 = (1 << 64) - 1

DATA = ("PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts")
CAST = ("PortUnicastXmitPkts", "PortUnicastRcvPkts", "PortMulticastXmitPkts", "PortMulticastRcvPkts")
CLASSIC_BITS = {
    **dict.fromkeys(DATA, 32),
    "SymbolErrorCounter": 16,
    "LinkErrorRecoveryCounter": 8,
    "LinkDownedCounter": 8,
    "PortRcvErrors": 16,
    "PortRcvRemotePhysicalErrors": 16,
    "PortRcvSwitchRelayErrors": 16,
    "PortXmitDiscards": 16,
    "PortXmitConstraintErrors": 8,
    "PortRcvConstraintErrors": 8,
    "LocalLinkIntegrityErrors": 4,
    "ExcessiveBufferOverrunErrors": 4,
    "QP1Dropped": 16,
    "VL15Dropped": 16,
    "PortXmitWait": 32,
}
"""Width of each counter of the classic set. All stop at their ceiling."""
COUNTERS = (*CLASSIC_BITS, *CAST)

_EXTENDED, _EXTENDED_NO_CAST, _XMIT_WAIT, _QP1_DROPPED = 1 << 9, 1 << 10, 1 << 12, 1 << 15
_EXTENDED_ERRORS = 1 << 1
_OPTIONAL = {"PortXmitWait": _XMIT_WAIT, "QP1Dropped": _QP1_DROPPED}
"""Counters of either set that an agent has only with this bit in its capability mask."""

_HEADER = re.compile(
    r"# Port (extended )?counters: Lid ([0-9]{1,5}) port ([0-9]{1,3}) "
    r"\(CapMask: 0x([0-9A-Fa-f]{1,4})(?: CapMask2: 0x([0-9A-Fa-f]{1,8}))?\)",
    re.ASCII,
)
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9]{0,39}):\.{1,40}([0-9]{1,20})", re.ASCII)


_EXTENDED_FAILED = "failed: perfextquery"
_NOT_SUPPORTED = re.compile(r"error status 0x(?:8|c);")
"""Status of a management datagram whose method or attribute is not supported (specification 13.4.7)."""


class PerfqueryError(ValueError):
    """What the tool wrote is no set of counters."""


class Capabilities(NamedTuple):
    """What an agent says that it has."""

    mask: int
    """CapabilityMask of its ClassPortInfo."""
    mask2: int

    @property
    def extended(self) -> bool:
        """Whether bytes and packets have 64 bits."""
        return bool(self.mask & (_EXTENDED | _EXTENDED_NO_CAST))

    @property
    def extended_errors(self) -> bool:
        """Whether errors have 64 bits."""
        return self.extended and bool(self.mask2 & _EXTENDED_ERRORS)

    def classic(self) -> Capabilities:
        """The same without the extended set."""
        return Capabilities(self.mask & ~(_EXTENDED | _EXTENDED_NO_CAST), 0)

    def has(self, counter: str, *, extended: bool) -> bool:
        """Whether a counter of one of the sets is the agent's own, and no filling."""
        if self.mask & _OPTIONAL.get(counter, 0) != _OPTIONAL.get(counter, 0):
            return False
        if counter in CAST:
            return extended and bool(self.mask & _EXTENDED)
        if not extended:
            return True
        return self.extended if counter in DATA else self.extended_errors


class Count(NamedTuple):
    """The value of a counter."""

    value: int
    full: bool
    """Whether it stands at its ceiling, where it stays."""


class Block(NamedTuple):
    """One set of counters of one port."""

    lid: int
    port: int
    extended: bool
    """Whether it is the extended set."""
    capabilities: Capabilities
    counts: dict[str, Count]
    """By the tool's names; only what the agent has."""


def command(
    tool: str, local: Sequence[str], lid: int, ports: Sequence[int], timeout_seconds: float, *, extended: bool
) -> Command:
    """How to ask a node for one set of counters of some of its ports, in this order.

    One start of the tool answers for all of them; it ends at the first port that does not answer.
    """
    # -e: it says what the agent's status was.
    options = ("-e", "-x", "-l") if extended else ("-e", "-l")
    return Command((tool, *options, *local, str(lid), ",".join(map(str, ports))), timeout_seconds, MAX_BYTES)


def refuses_extended(outcome: Outcome) -> bool:
    """Whether the agent answered that it has no extended set; not for one that did not answer."""
    return _EXTENDED_FAILED in outcome.output and _NOT_SUPPORTED.search(outcome.failure) is not None


def parse(text: str) -> list[Block]:
    """The blocks in what the tool wrote. A last line without its end is no line: the tool may have been killed.

    Lines that belong to no block are passed over. Raises PerfqueryError for more blocks than a node has ports, and for
    a block that says two things at once.
    """
    found: list[tuple[re.Match[str], dict[str, int]]] = []
    for line in text.split("\n")[:-1]:
        header = _HEADER.fullmatch(line)
        if header is not None:
            if len(found) == MAX_PORTS:
                raise PerfqueryError(f"more than {MAX_PORTS} ports")
            found.append((header, {}))
            continue
        field = _FIELD.fullmatch(line)
        if field is None or not found:
            continue
        name, value = field[1], int(field[2])
        if name in found[-1][1]:
            raise PerfqueryError(f"{name} twice in one block")
        if value > U64:
            raise PerfqueryError(f"{name} of more than 64 bits")
        found[-1][1][name] = value
    return [_block(header, fields) for header, fields in found]


def _block(header: re.Match[str], fields: dict[str, int]) -> Block:
    lid, port = int(header[2]), int(header[3])
    # Port 255 is answered for all ports together.
    if fields.get("PortSelect", port) != port:
        raise PerfqueryError(f"port {fields['PortSelect']} in the block of port {port}")
    extended = header[1] is not None
    capabilities = Capabilities(int(header[4], 16), int(header[5] or "0", 16))
    counts = {}
    for name in COUNTERS:
        value = fields.get(name)
        if value is not None and capabilities.has(name, extended=extended):
            ceiling = U64 if extended else (1 << CLASSIC_BITS[name]) - 1
            counts[name] = Count(value, value >= ceiling)
    return Block(lid, port, extended, capabilities, counts)
