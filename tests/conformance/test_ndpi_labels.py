"""What the shipped rules call the flows of nDPI's captures, and what is read out of them."""

from __future__ import annotations

import hashlib
import re

from tests.conformance import ndpi
from tests.conformance.labelled import KNOWN, Flow, flows
from tests.conformance.metered import frames
from tests.conformance.scores import Labelling, Scoring
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]

_HOSTS = {"tls": "sni", "dns-over-tls": "sni", "quic": "sni", "http": "host", "websocket": "host", "dns": "name"}
"""The field with the name that a client asked for."""
_KNOWN_HERE = {"rtcp": "whole RTCP reports fill the datagram one after the other, and tshark reads them as such"}
"""Why what nDPI does not know has a label."""
_STARTED_LATER = ("ftp", "imap", "pop3", "smtp")


def test_labels(labels: Labelling, score: Scoring) -> None:
    counted, scored = labels(ndpi.SET), score(ndpi.SET)
    for flow in flows():
        if flow.theirs.undetected:
            counted.unlabelled.wrong += bool(flow.ours.label)
            counted.unlabelled.unknown += not flow.ours.label
            if reason := _KNOWN_HERE.get(flow.ours.label):
                scored.differs(flow.what, flow.ours.label, "", reason)
            else:
                scored.compare(flow.what, flow.ours.label, "")
        elif flow.theirs.inspected and (flow.theirs.master in KNOWN or flow.ours.label):
            # A label where none was to be expected counts as a wrong one.
            counted.count(flow.theirs.master, flow.ours.label, right=flow.right)
    assert counted.recall >= 0.95
    assert counted.precision >= 0.98


def test_names_that_clients_ask_for(score: Scoring) -> None:
    scored = score(ndpi.SET)
    for flow in flows():
        name = _HOSTS.get(flow.ours.label)
        if name is None or not flow.theirs.host or not flow.right:
            continue
        ours, theirs = flow.fields.get(name), flow.theirs.host
        reason = _why_other_host(flow, ours, theirs)
        if ours == theirs or reason is None:
            scored.compare(f"{flow.what} {name}", ours, theirs)
        else:
            scored.differs(f"{flow.what} {name}", ours, theirs, reason)


def _why_other_host(flow: Flow, ours: str | None, theirs: str) -> str | None:
    if ours is None:
        if flow.ours.label == "quic":
            return "the handshake of Google's and Facebook's own QUIC, from before version 1, is not read"
        return None
    if ours.rpartition(":")[0] == theirs:
        return "it leaves out the port that stands with a host in HTTP"
    if re.fullmatch(_readable(ours), theirs):
        return "it writes names in lower case, with other characters for what is no letter or digit"
    if flow.ours.label == "dns" and _is_asked(flow.capture, theirs):
        return "the flow asks for several names, and it shows another one of them"
    return None


def _readable(name: str) -> str:
    """A pattern of what nDPI writes for a name."""
    return "".join(re.escape(octet) if re.match(r"[a-z0-9.-]", octet) else "." for octet in name.lower())


def _is_asked(capture: str, name: str) -> bool:
    """Whether a name is in a capture, as DNS writes it."""
    labels = [re.sub(rb"\\?[^a-z0-9\\-]", b".", re.escape(label.encode())) for label in name.split(".")]
    pattern = re.compile(b".".join(labels), re.IGNORECASE | re.DOTALL)
    return any(pattern.search(frame.octets) for frame in frames(ndpi.capture(capture)))


def test_ja4(score: Scoring) -> None:
    scored = score(ndpi.SET)
    for flow in flows():
        if not flow.theirs.ja4 or not flow.ours.label:
            continue
        ours, theirs = flow.fields.get("ja4"), flow.theirs.ja4
        if ours == theirs or (reason := _why_other_ja4(flow, ours, theirs)) is None:
            scored.compare(f"{flow.what} ja4", ours, theirs)
        else:
            scored.differs(f"{flow.what} ja4", ours, theirs, reason)


def _why_other_ja4(flow: Flow, ours: str | None, theirs: str) -> str | None:
    """Its parts: transport, version, `d` with a server name and `i` without, numbers, ALPN; two hashes."""
    if ours is None:
        if flow.ours.label in _STARTED_LATER:
            return "a TLS that begins inside of another protocol (STARTTLS) is not read"
        if flow.ours.label == "quic":
            return "the handshake of Google's and Facebook's own QUIC, from before version 1, is not read"
        if flow.ours.label == "dtls" and not flow.fields:
            return "a first hello whose record ends before its datagram does; a whole one behind it is not looked for"
        return None
    reasons = []
    fields = flow.fields
    empty = hashlib.sha256(b"").hexdigest()[:12]
    if theirs.endswith(empty) and ours.endswith("0" * 12):
        theirs = theirs.replace(empty, "0" * 12)
        reasons.append("it has the hash of nothing for no extensions, and JA4 twelve zeros")
    first = fields.get("offered_alpn", fields.get("alpn", "")).split(",")[0]
    if ours[8:10] != theirs[8:10] and ours[8:10] == (first[0] + first[-1] if first else "00"):
        theirs = theirs[:8] + ours[8:10] + theirs[10:]
        reasons.append("it has other characters than the first and the last one of the first ALPN value")
    if ours[3] == "i" and theirs[3] == "d" and "sni" not in fields:
        theirs = theirs[:3] + "i" + theirs[4:]
        reasons.append("it has `d` for what has no extension with the server's name")
    if flow.ours.label == "dtls" and theirs[1] == "s" and ours[1] == "0":
        theirs = theirs[0] + ours[1:3] + theirs[3:]
        reasons.append("it has a number of SSL for the version of DTLS from before the standard")
    return "; ".join(reasons) if ours == theirs else None
