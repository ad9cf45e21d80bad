"""Protocols of lines.

HTTP/1 (RFC 9112), SIP (RFC 3261), SSDP (UPnP Device Architecture 2.0, section 1), SSH (RFC 4253 section 4.2), and
those that begin with a greeting (FTP, SMTP, POP3, IMAP).
"""

from __future__ import annotations

import re

from probes.engine.rules.extract.reader import Fields, Sides, trim, trim_end

MAX_LINES = 64
_METHOD = re.compile(rb"[A-Za-z_-]{1,32}")


class Message:
    """A first line and header fields, as many as are there."""

    def __init__(self, octets: bytes) -> None:
        first, _, self._headers = octets.partition(b"\n")
        self._words = trim_end(first).split(b" ")

    def request(self, protocol: bytes) -> tuple[bytes, bytes] | None:
        """Method and target of a request that names `protocol`."""
        words = self._words
        if len(words) < 2 or not _METHOD.fullmatch(words[0]):
            return None
        # A target that goes on past the octets that are here leaves no place for the version.
        named = words[2].startswith(protocol) if len(words) > 2 else not self._headers
        return (words[0], words[1]) if named else None

    def status(self, protocol: bytes) -> bytes | None:
        """The code of an answer."""
        words = self._words
        if len(words) > 1 and words[0].startswith(protocol) and len(words[1]) == 3 and words[1].isdigit():
            return words[1]
        return None

    def header(self, *names: str) -> bytes | None:
        """The first field of the first of these names that is there."""
        for name in names:
            for line in self._headers.split(b"\n")[:MAX_LINES]:
                line = trim_end(line)
                if not line:
                    break
                key, value = line[: len(name)], line[len(name) :].lstrip(b" \t\n\x0c\r")
                if key.lower() == name.encode() and value.startswith(b":"):
                    return trim(value[1:])
        return None


def http(sides: Sides, fields: Fields) -> None:
    """`method`, `target`, `host`, `user_agent`, `request_content_type`, `upgrade`; `status`, `content_type`, ..."""
    request, answer = Message(sides.client), Message(sides.server)
    asked = request.request(b"HTTP/")
    if asked is not None:
        fields.octets("method", asked[0])
        fields.octets("target", asked[1])
        fields.octets("host", request.header("host"))
        fields.octets("user_agent", request.header("user-agent"))
        fields.octets("request_content_type", request.header("content-type"))
        fields.octets("soap_action", request.header("soapaction"))
    status = answer.status(b"HTTP/")
    if status is not None:
        fields.octets("status", status)
        fields.octets("content_type", answer.header("content-type"))
        fields.octets("server", answer.header("server"))
    upgrade = answer.header("upgrade")
    fields.octets("upgrade", request.header("upgrade") if upgrade is None else upgrade)


def sip(sides: Sides, fields: Fields) -> None:
    """`method`, `user_agent`, `from`, `to`, `status`."""
    for side in sides.each():
        message = Message(side)
        asked = message.request(b"SIP/2")
        fields.octets("method", asked[0] if asked else None)
        fields.octets("status", message.status(b"SIP/2"))
        fields.octets("user_agent", message.header("user-agent"))
        fields.octets("from", message.header("from", "f"))
        fields.octets("to", message.header("to", "t"))


def ssdp(sides: Sides, fields: Fields) -> None:
    """`method`, `target` (search target or notification type), `server`, `location`."""
    for side in sides.each():
        message = Message(side)
        asked = message.request(b"HTTP/1")
        fields.octets("method", asked[0] if asked else None)
        fields.octets("target", message.header("st", "nt"))
        fields.octets("server", message.header("server"))
        fields.octets("location", message.header("location"))


def ssh(sides: Sides, fields: Fields) -> None:
    """`client`, `server`: software of both sides; `version` of the protocol. Lines may come before these."""
    for name, side in zip(("client", "server"), sides.each(), strict=True):
        lines = (line[4:] for line in side.split(b"\n")[:16] if line.startswith(b"SSH-"))
        version, dash, software = next(lines, b"").partition(b"-")
        if dash:
            fields.octets("version", version)
            fields.octets(name, trim(software))


def greeting(sides: Sides, fields: Fields) -> None:
    """`greeting`: the first line of the server. Commands of the client may be secrets and are not read."""
    fields.octets("greeting", trim(sides.server.split(b"\n", 1)[0]))
