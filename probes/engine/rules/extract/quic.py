"""QUIC long headers (RFC 8999, RFC 9000, RFC 9369), and the hellos inside Initial packets.

The keys of Initial packets follow from the connection identifier (RFC 9001 section 5.2), so anyone on the path can read
them. The tag is not checked: a packet may be cut off, and what does not decrypt has no hello in it.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress

from probes.engine.rules.extract.aes import Aes128
from probes.engine.rules.extract.reader import EndError, Fields, Reader, Sides, expect
from probes.engine.rules.extract.tls import hellos

VERSION_1 = 1
"""RFC 9000."""
VERSION_2 = 0x6B3343CF
"""RFC 9369."""
SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
SALT_DRAFT_29 = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
SALT_DRAFT_23 = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
FACEBOOK = 0xFACEB002
"""What Facebook's servers called draft 27."""
MAX_HANDSHAKE = 4096
"""Octets of the CRYPTO stream that are put together."""
MAX_FRAMES = 256
MAX_PACKETS = 8
MAX_RANGES = 64
_U64 = (1 << 64) - 1


def quic(sides: Sides, fields: Fields) -> None:
    """`quic_version`, `connection_id_length`, and what `tls` reads."""
    identifier = None
    for side in sides.each():
        with suppress(EndError):
            _, version, destination = _header(Reader(side))
            if version != 0:
                fields.value("quic_version", _version_name(version))
            if identifier is None:
                fields.value("connection_id_length", len(destination))
                identifier = destination
    if identifier is not None:
        client = _handshake(sides.client, identifier, "client in")
        server = _handshake(sides.server, identifier, "server in")
        hellos("q", client, server, fields)


def _version_name(version: int) -> str:
    if version in (VERSION_1, VERSION_2):
        return "1" if version == VERSION_1 else "2"
    if version >> 8 == 0xFF0000:
        return f"draft-{version & 0xFF}"
    if version >> 24 == ord("Q"):
        # Google's, before the IETF's: "Q046".
        return version.to_bytes(4).decode(errors="replace")
    return f"0x{version:08x}"


def _header(reader: Reader) -> tuple[int, int, bytes]:
    """First octet, version and destination connection identifier of a long header."""
    first = reader.number(1)
    expect(first & 0x80 != 0)
    version, destination = reader.number(4), reader.counted(1)
    reader.counted(1)
    return first, version, destination


def _handshake(datagrams: bytes, identifier: bytes, side: str) -> bytes:
    """The CRYPTO stream of one side's Initial packets, as far as it is there from its beginning."""
    stream = CryptoStream()
    reader = Reader(datagrams)
    keys = None
    with suppress(EndError):
        for _ in range(MAX_PACKETS):
            version, packet = _next_initial(reader)
            if keys is None:
                keys = Keys.of(version, identifier, side)
            if keys is not None and packet is not None:
                with suppress(EndError):
                    stream.read(keys.decrypt(*packet))
    return stream.beginning()


def _next_initial(reader: Reader) -> tuple[int, tuple[bytes, bytes] | None]:
    """The next packet with a long header.

    Its version, and what comes before its packet number and the rest, or None where it is not an Initial. EndError at
    the end.
    """
    while True:
        rest = reader.rest()
        expect(bool(rest))
        if rest[0] & 0xC0 == 0xC0:
            break
        # Between datagrams that stand one after the other there may be zeros that filled one up.
        expect(rest[0] == 0)
        reader.skip(1)
    first, version, _ = _header(reader)
    kind = first >> 4 & 3
    initial, retry = (1, 0) if version == VERSION_2 else (0, 3)
    expect(version != 0 and kind != retry)
    if kind == initial:
        reader.skip(_variable(reader))  # token
    count = _variable(reader)
    before = rest[: len(rest) - reader.left()]
    protected = reader.take_at_most(count)
    return version, (before, protected) if kind == initial else None


def _variable(reader: Reader) -> int:
    """A variable-length integer, RFC 9000 section 16."""
    first = reader.number(1)
    return (first & 0x3F) << 8 * ((1 << (first >> 6)) - 1) | reader.number((1 << (first >> 6)) - 1)


class Keys:
    """The keys of one side."""

    def __init__(self, secret: bytes, prefix: str) -> None:
        self._key = Aes128(_expand(secret, prefix + "key", 16))
        self._nonce = _expand(secret, prefix + "iv", 12)
        self._header = Aes128(_expand(secret, prefix + "hp", 16))

    @classmethod
    def of(cls, version: int, identifier: bytes, side: str) -> Keys | None:
        """Of Initial packets, from the client's first destination connection identifier.

        None for versions whose salt is not known.
        """
        if version in (VERSION_1, VERSION_2):
            salt = SALT_1 if version == VERSION_1 else SALT_2
        elif 0xFF00001D <= version <= 0xFF000020:
            salt = SALT_DRAFT_29
        elif 0xFF000017 <= version <= 0xFF00001C or version == FACEBOOK:
            salt = SALT_DRAFT_23
        else:
            return None
        secret = _expand(hmac.digest(salt, identifier, hashlib.sha256), side, 32)
        return cls(secret, "quicv2 " if version == VERSION_2 else "quic ")

    def decrypt(self, before: bytes, protected: bytes) -> bytes:
        """Takes header protection and AES-CTR off (RFC 9001 section 5.4, RFC 5116); the tag stays at the end."""
        expect(len(protected) >= 20 and bool(before))
        mask = self._header.encrypt(protected[4:20])
        length = ((before[0] ^ (mask[0] & 0x0F)) & 3) + 1
        number = bytes(octet ^ key for octet, key in zip(protected[:length], mask[1:], strict=False))
        nonce = int.from_bytes(self._nonce) ^ int.from_bytes(number)
        body = protected[length:]
        # GCM counts from 1, which is the tag's; the payload begins at 2.
        blocks = (nonce.to_bytes(12) + (at + 2).to_bytes(4) for at in range((len(body) + 15) // 16))
        stream = b"".join(self._key.encrypt(block) for block in blocks)
        return bytes(octet ^ key for octet, key in zip(body, stream, strict=False))


def _expand(secret: bytes, label: str, octets: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1 with SHA-256 and an empty context, 32 octets at most."""
    text = b"tls13 " + label.encode()
    info = octets.to_bytes(2) + bytes([len(text)]) + text + b"\0"
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)[:octets]


class CryptoStream:
    """Pieces of a stream, some of which may be missing."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._pieces: list[tuple[int, int]] = []
        """From and to, in the order in which they came."""

    def read(self, frames: bytes) -> None:
        """Takes the CRYPTO frames of a packet; ends with EndError where there is no more, or another kind of frame."""
        reader = Reader(frames)
        for _ in range(MAX_FRAMES):
            kind = 0
            while kind == 0:  # PADDING
                kind = reader.number(1)
            if kind in (2, 3):
                _variable(reader)  # largest acknowledged
                _variable(reader)  # delay
                ranges = min(_variable(reader), MAX_RANGES)
                _variable(reader)
                for _ in range(ranges * 2 + (3 if kind == 3 else 0)):
                    _variable(reader)
            elif kind == 6:
                offset, count = _variable(reader), _variable(reader)
                self._put(offset, reader.take_at_most(count))
            else:
                expect(kind == 1)  # PING

    def _put(self, offset: int, piece: bytes) -> None:
        end = offset + len(piece)
        if end > MAX_HANDSHAKE or len(self._pieces) >= MAX_FRAMES:
            return
        self._octets.extend(bytes(max(0, end - len(self._octets))))
        self._octets[offset:end] = piece
        self._pieces.append((offset, end))

    def beginning(self) -> bytes:
        """What is there without a hole."""
        reached = 0
        for start, end in sorted(self._pieces):
            if start > reached:
                break
            reached = max(reached, end)
        return bytes(self._octets[:reached])
