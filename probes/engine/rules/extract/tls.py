"""TLS (RFC 8446, RFC 5246) and DTLS (RFC 6347, RFC 9147).

Both hellos, and JA4, the fingerprint of a client (FoxIO, "JA4: TLS Client Fingerprinting", technical details).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from probes.engine.rules.extract.reader import EndError, Fields, Reader, Sides, expect, word

HANDSHAKE, CLIENT_HELLO, SERVER_HELLO = 22, 1, 2
SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0, 13, 16, 43
ENCRYPTED_CLIENT_HELLO = 0xFE0D
"""draft-ietf-tls-esni."""
STUN_COOKIE = 0x2112A442
"""RFC 8489 section 5."""
OPENSSL_DTLS = 0x0100
"""What OpenSSL wrote before DTLS was a standard."""
VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
    0x0100: "DTLSv1.0",
    0xFEFF: "DTLSv1.0",
    0xFEFD: "DTLSv1.2",
    0xFEFC: "DTLSv1.3",
}
JA4_VERSIONS = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}


@dataclass
class Hello:
    """A client hello."""

    legacy_version: int
    ciphers: bytes = b""
    """Two octets each."""
    extensions: list[int] = field(default_factory=list)
    """In their order."""
    server_name: bytes | None = None
    protocols: bytes = b""
    """ALPN: names with a length before each."""
    versions: bytes = b""
    """supported_versions, two octets each."""
    signatures: bytes = b""
    """signature_algorithms, two octets each."""
    complete: bool = False
    """Nothing of it was cut off."""

    def names(self) -> list[bytes]:
        """Names of ALPN."""
        names, reader = [], Reader(self.protocols)
        with suppress(EndError):
            while True:
                names.append(reader.counted(1))
        return names

    def version(self) -> int:
        """The newest version that the client offers. Numbers of DTLS count down."""
        offered = _numbers(self.versions)
        newest = min if self.legacy_version >> 8 == 0xFE else max
        return newest(offered, default=self.legacy_version)

    def fingerprint(self, transport: str) -> str:
        """JA4; `transport` is `t` for TCP, `q` for QUIC, `d` for DTLS."""
        ciphers = _numbers(self.ciphers)
        extensions = [number for number in self.extensions if not _is_grease(number)]
        names = self.names()
        sorted_ciphers = _list(sorted(ciphers))
        kept = sorted(number for number in extensions if number not in (SERVER_NAME, ALPN))
        signatures = _numbers(self.signatures)
        text = _list(kept) + ("_" + _list(signatures) if signatures else "")
        name = "d" if SERVER_NAME in self.extensions else "i"
        counts = f"{min(len(ciphers), 99):02}{min(len(extensions), 99):02}"
        version = JA4_VERSIONS.get(self.version(), "00")
        ends = _ends(names[0] if names else b"")
        return f"{transport}{version}{name}{counts}{ends}_{_hash(sorted_ciphers)}_{_hash(text if kept else '')}"


def tls(sides: Sides, fields: Fields) -> None:
    """`version`, `cipher`, `sni`, `alpn`, `offered_alpn`, `ja4`, `ech`."""
    hellos("t", _handshake(sides.client), _handshake(sides.server), fields)


def dtls(sides: Sides, fields: Fields) -> None:
    """The same of DTLS."""
    hellos("d", _datagram_handshake(sides.client), _datagram_handshake(sides.server), fields)


def hellos(transport: str, client: bytes, server: bytes, fields: Fields) -> None:
    """Reads hellos out of handshake messages; `transport` is JA4's letter."""
    hello = _client_hello(client)
    if hello is not None:
        if ENCRYPTED_CLIENT_HELLO in hello.extensions:
            fields.value("ech", "offered")
        fields.octets("sni", hello.server_name)
        if hello.complete:
            fields.value("ja4", hello.fingerprint(transport))
        fields.octets("offered_alpn", b",".join(hello.names()))
    answer = _server_hello(server)
    if answer is not None:
        version, cipher, protocol = answer
        fields.value("version", word(VERSIONS, version))
        fields.value("cipher", f"0x{cipher:04x}")
        fields.octets("alpn", protocol)
    elif hello is not None:
        # What the client would have liked best, when nothing was seen of the server.
        fields.value("offered_version", word(VERSIONS, hello.version()))


def _handshake(stream: bytes) -> bytes:
    """Handshake messages of a stream, without the borders of records, up to the first record of another type."""
    messages, reader = b"", Reader(stream)
    with suppress(EndError):
        while reader.number(1) == HANDSHAKE:
            version, count = reader.number(2), reader.number(2)
            expect(0x0300 <= version <= 0x0304)
            messages += reader.take_at_most(count)
    return messages


def _datagram_handshake(datagrams: bytes) -> bytes:
    """The last first-flight handshake message of DTLS with its long header made into TLS's short one.

    The hello after a HelloRetryRequest says more, so a later one replaces the first; fragments are put together in
    order.
    """
    message, reader = b"", Reader(datagrams)
    with suppress(EndError):
        while True:
            inner = Reader(_datagram_record(reader))
            kind, whole, _, offset, count = (inner.number(octets) for octets in (1, 3, 2, 3, 3))
            if kind not in (CLIENT_HELLO, SERVER_HELLO):
                continue
            if offset == 0:
                message = bytes([kind]) + whole.to_bytes(3)
            elif len(message) != 4 + offset:
                continue
            message += inner.take_at_most(count)
    return message


def _datagram_record(reader: Reader) -> bytes:
    """The next record of handshakes; STUN before it and between (RFC 7983) is passed over."""
    while True:
        kind = reader.number(1)
        if kind <= 3:
            reader.number(1)
            count = reader.number(2)
            expect(reader.number(4) == STUN_COOKIE)
            reader.skip(12 + count)  # transaction, attributes
            continue
        reader.skip(10)  # version, epoch and sequence number
        body = reader.take_at_most(reader.number(2))
        if kind == HANDSHAKE:
            return body
        expect(20 <= kind <= 26)


def _client_hello(message: bytes) -> Hello | None:
    """Reads a client hello; what is missing at its end is left empty, and `complete` false."""
    try:
        reader = Reader(message)
        expect(reader.number(1) == CLIENT_HELLO)
        count = reader.number(3)
        whole = reader.left() >= count
        reader = Reader(reader.take_at_most(count))
        hello = Hello(reader.number(2))
        reader.skip(32)  # random
        reader.counted(1)  # session
        if hello.legacy_version >= 0xFE00 or hello.legacy_version == OPENSSL_DTLS:
            reader.counted(1)  # cookie of DTLS
        hello.ciphers = reader.counted(2)
        reader.counted(1)  # compression
    except EndError:
        return None
    hello.complete = whole
    with suppress(EndError):
        extensions = Reader(reader.take_at_most(reader.number(2)))
        while True:
            kind = extensions.number(2)
            try:
                body = extensions.counted(2)
            except EndError:
                hello.complete = False
                break
            hello.extensions.append(kind)
            _extension(hello, kind, Reader(body))
    return hello


def _extension(hello: Hello, kind: int, body: Reader) -> None:
    """What one says. The last of a kind counts, also when it can not be read."""
    if kind == SERVER_NAME:
        hello.server_name = None
        with suppress(EndError):
            body.number(2)  # length of the list
            expect(body.number(1) == 0)  # host_name
            hello.server_name = body.counted(2)
    elif kind == ALPN:
        hello.protocols = _counted(body, 2)
    elif kind == SUPPORTED_VERSIONS:
        hello.versions = _counted(body, 1)
    elif kind == SIGNATURE_ALGORITHMS:
        hello.signatures = _counted(body, 2)


def _counted(body: Reader, octets: int) -> bytes:
    try:
        return body.counted(octets)
    except EndError:
        return b""


def _server_hello(message: bytes) -> tuple[int, int, bytes | None] | None:
    """Version, cipher suite and protocol."""
    try:
        reader = Reader(message)
        expect(reader.number(1) == SERVER_HELLO)
        reader = Reader(reader.take_at_most(reader.number(3)))
        version = legacy = reader.number(2)
        reader.skip(32)
        reader.counted(1)
        cipher = reader.number(2)
    except EndError:
        return None
    protocol: bytes | None = None
    with suppress(EndError):
        reader.number(1)  # compression
        extensions = Reader(reader.take_at_most(reader.number(2)))
        while True:
            kind, octets = extensions.number(2), extensions.counted(2)
            if kind == SUPPORTED_VERSIONS:
                version = int.from_bytes(octets[:2]) if len(octets) >= 2 else legacy
            elif kind == ALPN:
                names = _counted(Reader(octets), 2)
                protocol = _counted(Reader(names), 1) or None
    return version, cipher, protocol


def _is_grease(number: int) -> bool:
    """RFC 8701: both octets are alike and end in a."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def _numbers(octets: bytes) -> list[int]:
    """Without those of GREASE."""
    pairs = (int.from_bytes(octets[at : at + 2]) for at in range(0, len(octets) - 1, 2))
    return [number for number in pairs if not _is_grease(number)]


def _list(numbers: Iterable[int]) -> str:
    return ",".join(f"{number:04x}" for number in numbers)


def _hash(text: str) -> str:
    """The first twelve digits of SHA-256; zeros for nothing."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def _ends(name: bytes) -> str:
    """First and last letter of an ALPN name; of its hexadecimal form where one of them is no letter or digit."""
    if not name:
        return "00"
    ends = name[:1] + name[-1:]
    return ends.decode() if ends.isalnum() else f"{name[0] >> 4:x}{name[-1] & 15:x}"
