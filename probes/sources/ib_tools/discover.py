"""The ports of a subnet and the cables between them, from `ibnetdiscover -p`.

One line a port, as infiniband-diags writes it (rdma-core, ibnetdiscover.c, dump_ports_report):

    SW     6  4 0x248a0703000b00c0 4x EDR - CA    22  1 0x0c42a10300c0f001 ( 'leaf04' - 'gpu016 mlx5_0' )
    SW     6  5 0x248a0703000b00c0 4x SDR                                    'leaf04'

The GUID of an adapter's port is the port's own, that of a switch's port is the switch's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from probes.sources.ib_tools.runner import Command
from probes.sources.sysfs import printable

MAX_BYTES = 16 * 1024 * 1024
"""Some 150,000 lines."""
MAX_LINE = 512
SWITCH = "SW"

GIGABITS_PER_LANE = {
    "SDR": 2.5,
    "DDR": 5.0,
    "QDR": 10.0,
    "FDR10": 10.0,
    "FDR": 14.0,
    "EDR": 25.0,
    "HDR": 50.0,
    "NDR": 100.0,
    "XDR": 200.0,
}
"""As Linux has them in /sys/class/infiniband/<device>/ports/<port>/rate (drivers/infiniband/core/sysfs.c)."""

_KINDS = frozenset({"CA", SWITCH, "RT", "Rt", "??"})
_GUID = re.compile(r"0x[0-9a-f]{16}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_WIDTH = re.compile(r"(1|2|4|8|12)x", re.ASCII)
_SPEED = re.compile(r"[A-Z0-9?]{1,8}|undefined \([0-9]{1,3}\)", re.ASCII)


class DiscoverError(ValueError):
    """What the tool wrote is no report of ports."""


class End(NamedTuple):
    """One end of a cable."""

    guid: str
    """`0x` and 16 digits."""
    port: int


class Port(NamedTuple):
    """A port that a cable is in, with what is at the other end."""

    end: End
    kind: str
    """`CA` a channel adapter, `SW` a switch, `RT` a router."""
    lid: int
    """0 while the subnet manager has given none."""
    node: str
    """The node's description; empty where the tool's line can be read in two ways."""
    lanes: int | None
    speed: str
    """`EDR` and the like; `???` when the tool knows no name for it."""
    remote: End
    remote_kind: str
    remote_node: str

    @property
    def bytes_per_second(self) -> float | None:
        """Of all lanes together; None when width or speed is unknown."""
        gigabits = GIGABITS_PER_LANE.get(self.speed)
        return None if gigabits is None or self.lanes is None else self.lanes * gigabits * 1e9 / 8


class Discovery(NamedTuple):
    """What a subnet is made of, as far as it can be reached."""

    ports: dict[End, Port]
    """Those with a cable in them that is up."""
    switches: dict[str, tuple[str, int]]
    """Description and LID of every switch, by GUID."""
    unread: int
    """Lines that are no port."""


def command(tool: str, local: Sequence[str], timeout_seconds: float) -> Command:
    """How to ask; `local` names the port to ask through."""
    return Command((tool, "-p", *local), timeout_seconds, MAX_BYTES)


def parse(text: str) -> Discovery:
    """The ports in what the tool wrote. Of two lines of one port the first holds.

    Raises DiscoverError when no line is a port.
    """
    ports: dict[End, Port] = {}
    names: dict[str, str] = {}
    lids: dict[str, int] = {}
    unread = 0
    for line in text.split("\n"):
        if not line or line.isspace():
            continue
        row = _parse_line(line)
        if row is None:
            unread += 1
            continue
        kind, lid, guid, name, port = row
        if name:
            names.setdefault(guid, name)
        if kind == SWITCH:
            lids.setdefault(guid, lid)
        if port is not None:
            ports.setdefault(port.end, port)
    if not ports and not lids:
        raise DiscoverError(f"no port in {unread} lines" if unread else "no output")
    for end, known in ports.items():
        if not (known.node and known.remote_node):
            node, remote = names.get(end.guid, ""), names.get(known.remote.guid, "")
            ports[end] = known._replace(node=known.node or node, remote_node=known.remote_node or remote)
    return Discovery(ports, {guid: (names.get(guid, ""), lid) for guid, lid in lids.items()}, unread)


def _parse_line(line: str) -> tuple[str, int, str, str, Port | None] | None:
    """Kind, LID, GUID and name of a port's node, and the port if it has a cable; None for anything else."""
    if len(line) > MAX_LINE:
        return None
    head, _, names = line.partition(" ( '")
    words = head.split()
    if len(words) >= 11 and words[-5] == "-" and names:
        return _linked(words, names)
    head, _, name = line.partition("'")
    words = head.split()
    if len(words) < 6 or not name.endswith("'") or not _is_port(words[:4], " ".join(words[5:])):
        return None
    return words[0], int(words[1]), words[3], printable(name[:-1]), None


def _linked(words: list[str], names: str) -> tuple[str, int, str, str, Port] | None:
    own, other, speed = words[:4], words[-4:], " ".join(words[5:-5])
    if not (_is_port(own, speed) and _is_port(other, speed) and names.endswith("' )")):
        return None
    # A description may have the quotes in it that stand around it.
    parts = names.removesuffix("' )").split("' - '")
    node, remote_node = map(printable, parts) if len(parts) == 2 else ("", "")
    kind, lid, port, guid = own
    width = _WIDTH.fullmatch(words[4])
    return (
        kind,
        int(lid),
        guid,
        node,
        Port(
            end=End(guid, int(port)),
            kind=kind,
            lid=int(lid),
            node=node,
            lanes=int(width[1]) if width else None,
            speed=speed,
            remote=End(other[3], int(other[2])),
            remote_kind=other[0],
            remote_node=remote_node,
        ),
    )


def _is_port(words: Sequence[str], speed: str) -> bool:
    kind, lid, port, guid = words
    return (
        kind in _KINDS
        and _NUMBER.fullmatch(lid) is not None
        and int(lid) < 1 << 16
        and _NUMBER.fullmatch(port) is not None
        and int(port) < 1 << 8
        and _GUID.fullmatch(guid) is not None
        and _SPEED.fullmatch(speed) is not None
    )
