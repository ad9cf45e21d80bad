"""Flows of nDPI's captures: how many, and their packets and octets."""

from __future__ import annotations

from tests.conformance import ndpi
from tests.conformance.metered import frames, metered
from tests.conformance.ndpi import Count
from tests.conformance.scores import Scoring
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]

_LEFT_OUT = (
    "its reader leaves out later fragments of IPv4, and frames with fewer octets than their IPv4 header says; without "
    "these the numbers are equal"
)
_SLICED = "its reader counts the octets that were captured of a frame, and here those on the wire count"
_LOOPBACK_LINK = 0
_LOOPBACK = (
    "its reader takes a loopback frame of any family but IPv4's for IPv6; one of an unknown family is undecodable here"
)


def test_every_flow_has_its_packets_and_octets(score: Scoring) -> None:
    scored = score(ndpi.SET)
    for name, rows in sorted(ndpi.rows().items()):
        path = ndpi.capture(name)
        theirs: dict[ndpi.Key, Count] = {}
        for row in rows:
            theirs[row.key] = theirs.get(row.key, Count()) + row.total
        whole = metered(path)
        ours = ndpi.by_key(whole.records)
        if ours == theirs:
            scored.compare(f"{name}: flows", len(ours), len(theirs))
            for key, count in theirs.items():
                scored.compare(f"{name}: {key}", ours[key], count)
            continue
        some = [frame for frame in frames(path) if ndpi.is_counted(frame)]
        counted = ndpi.by_key(metered(some).records)
        captured = ndpi.by_key(metered(map(ndpi.as_captured, some)).records)
        for key in ours.keys() | theirs.keys():
            what, here, there = f"{name}: {key}", ours.get(key), theirs.get(key)
            if here == there:
                scored.compare(what, here, there)
            elif counted.get(key) == there:
                scored.differs(what, here, there, _LEFT_OUT)
            elif captured.get(key) == there:
                scored.differs(what, here, there, _SLICED)
            elif (
                here is None
                and all(frame.link == _LOOPBACK_LINK for frame in some)
                and whole.books.undecodable["bad-link-header"].packets
            ):
                scored.differs(what, here, there, _LOOPBACK)
            else:
                scored.compare(what, here, there)
