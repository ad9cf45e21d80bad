"""Captures of tcpdump's own tests: mirrored frames in ERSPAN, LLDP with DCBX, sFlow."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from fabricscope.flow import FlowRecord, Tunnel, address_text
from tests.conformance.metered import metered
from tests.conformance.scores import Score, Scoring
from tests.conformance.trees import hardware
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]

SET = "tcpdump-pcaps"
_TUNNELS = {"1": Tunnel.ERSPAN1, "2": Tunnel.ERSPAN2, "3": Tunnel.ERSPAN3}
_MIRRORED = re.compile(
    r"erspan type(\d)(?: session (\d+))?.*?: IP \(.*?proto (?:\w+) \((\d+)\).*?\n +(\S+) > (\S+):", re.DOTALL
)
_FRAME = re.compile(r"^ *\d+  \d{4}-", re.MULTILINE)


class Mirrored(NamedTuple):
    """A packet within ERSPAN."""

    tunnel: Tunnel
    session: int
    protocol: int
    source: str
    destination: str


def printed(name: str) -> list[str]:
    """What tcpdump printed, frame by frame."""
    text = (hardware(SET) / f"{name}.out").read_text("utf-8")
    return _FRAME.split(text)[1:]


def capture(name: str) -> Path:
    return hardware(SET) / f"{name}.pcap"


@pytest.mark.parametrize(
    "name", ["erspan-type-i-1", "erspan-type-i-2", "erspan-type-i-3", "erspan-type-i-4", "erspan-type-ii-1"]
)
def test_frames_in_erspan(score: Scoring, name: str) -> None:
    scored = score(SET)
    texts = printed(name)
    told = metered(capture(name))
    scored.compare(f"{name}: frames", told.books.packets.packets, len(texts))
    scored.compare(f"{name}: frames that cannot be read", told.books.packets, told.books.counted)
    by_tunnel = Counter(match[1] for text in texts if (match := re.search(r"erspan type(\d)", text)))
    for number, tunnel in _TUNNELS.items():
        scored.compare(f"{name}: frames in {tunnel.name}", told.books.tunnels[tunnel], by_tunnel[number])
    theirs = Counter(
        Mirrored(_TUNNELS[match[1]], int(match[2] or 0), int(match[3]), match[4], match[5])
        for text in texts
        if (match := _MIRRORED.search(text))
    )
    ours = Counter[Mirrored]()
    for record in told.records:
        if record.key.tunnel in _TUNNELS.values() and record.key.protocol:
            key = record.key
            ends = address_text(key.source), address_text(key.destination)
            for way, (source, destination) in ((record.forward, ends), (record.reverse, ends[::-1])):
                ours[Mirrored(key.tunnel, key.tunnel_id, key.protocol, source, destination)] += way.packets
    for packet in theirs | ours:
        scored.compare(f"{name}: {packet}", ours[packet], theirs[packet])


def test_the_numbers_of_a_mirror(score: Scoring) -> None:
    scored = score(SET)
    name = "erspan-type-ii-1"
    (mirror,) = metered(capture(name)).books.mirrors
    text = "".join(printed(name))
    session = re.search(r"session (\d+)", text)
    ends = re.search(r"(\S+) > (\S+): GREv0, .*sequence# present", text)
    assert session is not None
    assert ends is not None
    scored.compare(f"{name}: session", mirror.tunnel_id, int(session[1]))
    scored.compare(f"{name}: who mirrors", address_text(mirror.source[:4]), ends[1])
    scored.compare(f"{name}: to whom", address_text(mirror.destination[:4]), ends[2])
    scored.compare(f"{name}: numbered", mirror.seen, text.count("sequence# present"))
    scored.compare(f"{name}: missing", mirror.missing, 0)


def test_a_broken_frame_in_erspan(score: Scoring) -> None:
    # tcpdump says [|erspan]: the capture ends inside of that header.
    scored = score(SET)
    name = "erspan-type-iii-pb-1"
    books = metered(capture(name)).books
    scored.compare(f"{name}: cut", books.undecodable["truncated"].packets, "".join(printed(name)).count("[|erspan]"))


def test_lldp_and_flow_control(score: Scoring) -> None:
    scored = score(SET)
    name = "dcb_pfc"
    texts = [text for text in printed(name) if "LLDP" in text]
    records = labelled(scored, name, "lldp", len(texts))
    for what, pattern in (
        ("chassis", r"Subtype MAC address \(4\): (\S+)"),
        ("port", r"Subtype MAC address \(3\): (\S+)"),
    ):
        theirs = {match[1] for text in texts if (match := re.search(pattern, text))}
        scored.compare(f"{name}: {what}", {dict(record.classification.fields)[what] for record in records}, theirs)
    values = [match[1].split() for text in texts if (match := re.search(r"Value +: ((?:\d +)+)", text))]
    theirs = {" ".join(str(priority) for priority, on in enumerate(value) if on == "1") for value in values}
    scored.compare(f"{name}: PFC", {dict(record.classification.fields)["pfc"] for record in records}, theirs)
    willing = {match[1] for text in texts if (match := re.search(r"Willing: (\d), MBC: \d, RES: \d, PFC", text))}
    ours = {dict(record.classification.fields)["pfc_willing"] for record in records}
    scored.compare(f"{name}: PFC willing", ours, willing)


def test_lldp_without_its_first_parts(score: Scoring) -> None:
    name = "lldp_8021_linkagg"
    labelled(score(SET), name, "lldp", len(printed(f"{name}-v")))


@pytest.mark.parametrize("name", ["sflow_expanded", "sflow_multiple_counter_30_pdus"])
def test_sflow(score: Scoring, name: str) -> None:
    scored = score(SET)
    texts = printed(name)
    # What has another version has the port of sFlow alone.
    labelled(scored, name, "sflow", sum("sFlowv5" in text for text in texts))
    other = sum("version 327681" in text or "version 327682" in text for text in texts)
    scored.compare(
        f"{name}: not sFlow", len(texts) - packets(metered(capture(name), rules=True).records, "sflow"), other
    )


def labelled(scored: Score, name: str, label: str, count: int) -> list[FlowRecord]:
    """The records with a label, whose packets are compared with a number."""
    records = [record for record in metered(capture(name), rules=True).records if record.classification.label == label]
    scored.compare(f"{name}: packets of {label}", packets(records, label), count)
    return records


def packets(records: list[FlowRecord], label: str) -> int:
    """Packets of all records with a label."""
    return sum(
        record.forward.packets + record.reverse.packets for record in records if record.classification.label == label
    )
