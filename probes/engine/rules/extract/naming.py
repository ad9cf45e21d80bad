"""Names and addresses.

DNS (RFC 1035) with multicast DNS and LLMNR, names of NetBIOS (RFC 1002), DHCP (RFC 2131), LLDP (IEEE 802.1AB), BGP
(RFC 4271).
"""

from __future__ import annotations

from contextlib import suppress

from probes.engine.rules.extract.reader import EndError, Fields, Reader, Sides, colons, expect, word

MAX_LABELS = 40
RESPONSE = 0x8000
# fmt: off
TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 24: "SIG",
    25: "KEY", 28: "AAAA", 33: "SRV", 35: "NAPTR", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY",
    50: "NSEC3", 52: "TLSA", 64: "SVCB", 65: "HTTPS", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY",
    257: "CAA",
}
CODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE",
}
MESSAGES = {
    1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM",
}
# fmt: on
COOKIE = 0x63825363
MAX_OPTIONS = 64
MAX_PARTS = 64
CHASSIS, PORT, SYSTEM_NAME, SYSTEM_DESCRIPTION = 1, 2, 5, 6
OPEN = 1
CAPABILITIES = 2
FOUR_OCTET_AS = 65
"""RFC 6793."""


def dns(sides: Sides, fields: Fields) -> None:
    """`name`, `type`, `response_code`, `answers`."""
    for side in sides.each():
        _message(side[2:] if sides.stream else side, fields, netbios=False)


def netbios_ns(sides: Sides, fields: Fields) -> None:
    """The same for the name service of NetBIOS, whose names are written as letters A to P."""
    for side in sides.each():
        _message(side, fields, netbios=True)


def _message(message: bytes, fields: Fields, *, netbios: bool) -> None:
    with suppress(EndError):
        reader = Reader(message)
        reader.number(2)  # identifier
        flags, questions, answers = reader.number(2), reader.number(2), reader.number(2)
        reader.number(4)  # authority and additional records
        if flags & RESPONSE:
            fields.value("response_code", word(CODES, flags & 15))
            fields.value("answers", answers)
        if questions or answers:
            name = _name(message, reader)
            kind = reader.number(2)
            if netbios:
                name = _netbios_name(name)
            fields.octets("name", name or b".")
            fields.value("type", word(TYPES, kind))


def _name(message: bytes, reader: Reader) -> bytes:
    """A name in text; a pointer goes back, and the number of labels is bounded, so that it ends."""
    text = b""
    here = reader
    for _ in range(MAX_LABELS):
        count = here.number(1)
        if count == 0:
            return text
        if count < 0x40:
            label = here.take(count)
            text += b"." + label if text else label
        elif count >= 0xC0:
            at = (count & 0x3F) << 8 | here.number(1)
            expect(at <= len(message))
            here = Reader(message[at:])
        else:
            break
    raise EndError


def _netbios_name(encoded: bytes) -> bytes:
    """RFC 1001 section 14.1: each half octet is a letter from A on; the sixteenth octet is the service."""
    expect(len(encoded) >= 30 and all(0x41 <= octet < 0x51 for octet in encoded[:30]))
    halves = [octet - 0x41 for octet in encoded[:30]]
    name = bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))
    return name.rstrip(b" \0")


def dhcp(sides: Sides, fields: Fields) -> None:
    """`message`, `host_name`, `vendor_class` of the first message that has them."""
    for side in sides.each():
        with suppress(EndError):
            _options(Reader(side), fields)


def _options(reader: Reader, fields: Fields) -> None:
    reader.skip(236)
    expect(reader.number(4) == COOKIE)
    for _ in range(MAX_OPTIONS):
        code = reader.number(1)
        if code == 0:
            continue
        if code == 255:
            break
        value = reader.counted(1)
        if code == 53 and len(value) == 1:
            fields.value("message", word(MESSAGES, value[0]))
        elif code == 12:
            fields.octets("host_name", value)
        elif code == 60:
            fields.octets("vendor_class", value)


def lldp(sides: Sides, fields: Fields) -> None:
    """`chassis`, `port`, `system_name`, `system_description`: who is at the other end of a cable."""
    for side in sides.each():
        with suppress(EndError):
            _parts(Reader(side), fields)


def _parts(reader: Reader, fields: Fields) -> None:
    for _ in range(MAX_PARTS):
        head = reader.number(2)
        body = reader.take(head & 0x1FF)
        match head >> 9:
            case 0:
                break
            case 1:
                _identifier("chassis", body, 4, 5, fields)
            case 2:
                _identifier("port", body, 3, 4, fields)
            case 5:
                fields.octets("system_name", body)
            case 6:
                fields.octets("system_description", body)


def _identifier(name: str, body: bytes, mac: int, network: int, fields: Fields) -> None:
    """Chassis and ports number the kinds of their identifiers differently."""
    kind, value = body[:1], body[1:]
    if not kind:
        return
    if kind[0] == mac:
        fields.value(name, colons(value))
    elif kind[0] == network and len(value) == 5 and value[0] == 1:
        # The family is IANA's: 1 is IPv4.
        fields.value(name, ".".join(str(octet) for octet in value[1:]))
    elif kind[0] == network and value:
        fields.value(name, colons(value[1:]))
    else:
        fields.octets(name, value)


def bgp(sides: Sides, fields: Fields) -> None:
    """`as`, `router_id` of the client's OPEN, `peer_as`, `peer_router_id` of the other one; `hold_time` in s."""
    for side, system, router in ((sides.client, "as", "router_id"), (sides.server, "peer_as", "peer_router_id")):
        with suppress(EndError):
            reader = Reader(side)
            expect(reader.take(16) == b"\xff" * 16)
            reader.number(2)  # length
            expect(reader.number(1) == OPEN and reader.number(1) == 4)
            short, hold, identifier = reader.number(2), reader.number(2), reader.take(4)
            parameters = b""
            with suppress(EndError):
                parameters = reader.counted(1)
            number = _four_octets(parameters)
            fields.value(system, short if number is None else number)
            fields.value("hold_time", hold)
            fields.value(router, ".".join(str(octet) for octet in identifier))


def _four_octets(parameters: bytes) -> int | None:
    """The number in the capability for numbers of four octets."""
    with suppress(EndError):
        reader = Reader(parameters)
        while True:
            kind, body = reader.number(1), reader.counted(1)
            if kind == CAPABILITIES:
                number = _capability(Reader(body))
                if number is not None:
                    return int.from_bytes(number[:4]) if len(number) >= 4 else None
    return None


def _capability(capabilities: Reader) -> bytes | None:
    with suppress(EndError):
        while True:
            code, value = capabilities.number(1), capabilities.counted(1)
            if code == FOUR_OCTET_AS:
                return value
    return None
