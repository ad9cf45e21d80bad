"""The links of a subnet, with those that were there and are gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from probes.sources.ib_tools.discover import End, Port


class Link(NamedTuple):
    """A port and what is known of its cable: the present one, or the last."""

    port: Port
    gone_ns: int | None
    """When it was first missed (monotonic); None while it is there."""

    @property
    def up(self) -> bool:
        """Whether the cable is there."""
        return self.gone_ns is None


class Recabled(NamedTuple):
    """A port whose cable leads somewhere else than it did."""

    before: Port
    after: Port


class Links:
    """What discoveries found, one after the other: `most` links at most, those that are there before those gone."""

    def __init__(self, most: int, remember_ns: int) -> None:
        self._most = most
        self._remember_ns = remember_ns
        self._links: dict[End, Link] = {}
        self.left_out = 0
        """Ports for which there was no room."""

    def missing(self, found: Mapping[End, Port]) -> bool:
        """Whether a link that was there is not in `found`."""
        return any(link.up and end not in found for end, link in self._links.items())

    def update(self, found: Mapping[End, Port], now_ns: int) -> list[Recabled]:
        """Take a discovery; which ports have another end now."""
        chosen = sorted(found)[: self._most]
        before, self._links = self._links, {end: Link(found[end], None) for end in chosen}
        self.left_out = len(found) - len(chosen)
        moved = [
            Recabled(before[end].port, link.port)
            for end, link in self._links.items()
            if end in before and before[end].port.remote != link.port.remote
        ]
        # One that is there but beyond the bound is not gone.
        gone = [
            link._replace(gone_ns=now_ns if link.up else link.gone_ns)
            for end, link in before.items()
            if end not in found
        ]
        kept = sorted(
            (link for link in gone if now_ns - (link.gone_ns or 0) < self._remember_ns),
            key=lambda link: (-(link.gone_ns or 0), link.port.end),
        )[: self._most - len(self._links)]
        self._links |= {link.port.end: link for link in kept}
        self._links = dict(sorted(self._links.items()))
        return moved

    def __iter__(self) -> Iterator[Link]:
        """All links, in order of GUID and port."""
        return iter(self._links.values())


def of_part(guids: Iterable[str], part: int, parts: int) -> list[str]:
    """The GUIDs that are this part's (1 to `parts`), sorted. A GUID stays in its part whatever else comes or goes."""
    return sorted(guid for guid in guids if _hash(guid) % parts == part - 1)


def _hash(guid: str) -> int:
    """Spreads GUIDs, which one vendor numbers in steps of a power of two (Knuth's multiplicative hash)."""
    return ((int(guid, 16) * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)) >> 32
