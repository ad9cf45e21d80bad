"""Databases, brokers, storage, remote procedures and clocks.

PostgreSQL (frontend/backend protocol), MySQL (Protocol::HandshakeV10), Kafka (kafka.apache.org/protocol), MQTT, NATS,
Redis, iSCSI (RFC 7143), NVMe over TCP, SMB ([MS-SMB2], [MS-CIFS]), ONC RPC (RFC 5531) with NFS, NTP (RFC 5905), PTP
(IEEE 1588-2019).
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from probes.engine.rules.extract.reader import (
    EndError,
    Fields,
    Reader,
    Sides,
    colons,
    expect,
    printable,
    trim_end,
    word,
)

# fmt: off
KAFKA_APIS = {
    0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit", 9: "OffsetFetch",
    10: "FindCoordinator", 11: "JoinGroup", 12: "Heartbeat", 13: "LeaveGroup", 14: "SyncGroup",
    15: "DescribeGroups", 16: "ListGroups", 17: "SaslHandshake", 18: "ApiVersions", 19: "CreateTopics",
    20: "DeleteTopics", 22: "InitProducerId", 32: "DescribeConfigs", 36: "SaslAuthenticate",
}
DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x02FF: "2", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
PROGRAMS = {
    100000: "portmapper", 100001: "rstatd", 100003: "nfs", 100004: "ypserv", 100005: "mountd", 100011: "rquotad",
    100021: "nlockmgr", 100024: "status", 100227: "nfs_acl",
}
NFS = {
    3: (
        "NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE", "CREATE", "MKDIR", "SYMLINK",
        "MKNOD", "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS", "FSSTAT", "FSINFO", "PATHCONF",
        "COMMIT",
    ),
    4: ("NULL", "COMPOUND"),
}
MODES = {
    1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast", 6: "control", 7: "private",
}
PTP_MESSAGES = {
    0: "Sync", 1: "Delay_Req", 2: "Pdelay_Req", 3: "Pdelay_Resp", 8: "Follow_Up", 9: "Delay_Resp",
    10: "Pdelay_Resp_Follow_Up", 11: "Announce", 12: "Signaling", 13: "Management",
}
# fmt: on
NFS_PROGRAM = 100003
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
PARAMETERS = {b"user": "user", b"database": "database", b"application_name": "application"}
KEYS = {b"InitiatorName": "initiator", b"TargetName": "target", b"SessionType": "session_type"}


def postgresql(sides: Sides, fields: Fields) -> None:
    """`user`, `database`, `application`; `tls` (`accepted`, `refused`) where it was asked for; `server_version`."""
    server, client = Reader(sides.server), Reader(sides.client)
    for _ in range(3):
        try:
            count, code = client.number(4), client.number(4)
            body = client.take_at_most(count - 8)
        except EndError:
            break
        if code in (SSL_REQUEST, GSS_REQUEST):
            answer = server.take_at_most(1)
            if answer:
                fields.value("tls", "accepted" if answer in b"SG" else "refused")
            if not answer or answer in b"SG":
                return
        elif code >> 16 == 3:
            _parameters(Reader(body), fields)
            break
        else:
            return
    with suppress(EndError):
        for _ in range(32):
            kind, count = server.number(1), server.number(4)
            status = Reader(server.take(count - 4))
            if kind == 0x53 and status.until(0) == b"server_version":
                fields.octets("server_version", status.until(0))
                return


def _parameters(reader: Reader, fields: Fields) -> None:
    with suppress(EndError):
        for _ in range(16):
            key, value = reader.until(0), reader.until(0)
            if key in PARAMETERS:
                fields.octets(PARAMETERS[key], value)


def mysql(sides: Sides, fields: Fields) -> None:
    """`server_version`; `user` of a client that goes on without TLS."""
    with suppress(EndError):
        greeting = Reader(sides.server)
        greeting.skip(4)
        if greeting.number(1) == 10:
            fields.octets("server_version", greeting.until(0))
    with suppress(EndError):
        answer = Reader(sides.client)
        size = answer.number(3)
        answer.number(1)
        # Protocol 4.1 without the SSL request, which has 32 octets and no more.
        expect(answer.little(4) & 0x0200 != 0 and size > 32)
        answer.skip(28)  # packet size, character set, filler
        fields.octets("user", answer.until(0))


def kafka(sides: Sides, fields: Fields) -> None:
    """`api`, `api_version`, `client_id` of the first request."""
    with suppress(EndError):
        reader = Reader(sides.client)
        reader.number(4)  # size
        fields.value("api", word(KAFKA_APIS, reader.number(2)))
        fields.value("api_version", reader.number(2))
        reader.number(4)  # correlation
        count = reader.number(2)
        # -1 says that there is none.
        if count <= 0x7FFF:
            fields.octets("client_id", reader.take(count))


def mqtt(sides: Sides, fields: Fields) -> None:
    """`version` (3.1, 3.1.1, 5), `client_id` of CONNECT (MQTT 3.1.1 and 5.0, section 3.1); `return_code`."""
    with suppress(EndError):
        reader = Reader(sides.client)
        expect(reader.number(1) == 0x10)
        _remaining(reader)
        expect(reader.counted(2) in (b"MQTT", b"MQIsdp"))
        level = reader.number(1)
        fields.value("version", word({3: "3.1", 4: "3.1.1"}, level))
        reader.skip(3)  # flags, keep alive
        if level == 5:
            reader.skip(_remaining(reader))
        fields.octets("client_id", reader.counted(2))
    if len(sides.server) >= 4 and sides.server[0] == 0x20:
        fields.value("return_code", sides.server[3])


def _remaining(reader: Reader) -> int:
    """Seven bits an octet, the lowest first, four octets at most."""
    value = 0
    for shift in (0, 7, 14, 21):
        octet = reader.number(1)
        value |= (octet & 0x7F) << shift
        if octet & 0x80 == 0:
            return value
    raise EndError


def nats(sides: Sides, fields: Fields) -> None:
    """`server_name`, `version` of INFO; `client`, `language` of CONNECT (NATS client protocol)."""
    info, connect = _object(sides.server, b"INFO "), _object(sides.client, b"CONNECT ")
    for said, key, name in (
        (info, "server_name", "server_name"),
        (info, "version", "version"),
        (connect, "name", "client"),
        (connect, "lang", "language"),
    ):
        value = said.get(key)
        if isinstance(value, str):
            fields.octets(name, value.encode(errors="replace"))


def _object(side: bytes, verb: bytes) -> dict[str, Any]:
    if not side.startswith(verb):
        return {}
    try:
        found = json.loads(side[len(verb) :].split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def redis(sides: Sides, fields: Fields) -> None:
    """`command`: the first one's name. Its arguments may be secrets and are not read."""
    lines = [trim_end(line) for line in sides.client.split(b"\n")]
    # An array stands on several lines: its length, then of each word the length and the word.
    command = lines[0].split(b" ", 1)[0]
    if command.startswith(b"*"):
        command = lines[2] if len(lines) > 2 else b""
    if len(command) <= 32 and command.isascii() and command.translate(None, b"._-").isalnum():
        fields.octets("command", command.upper())


def iscsi(sides: Sides, fields: Fields) -> None:
    """`initiator`, `target`, `session_type` of the login."""
    with suppress(EndError):
        reader = Reader(sides.client)
        expect(reader.number(1) & 0x3F == 0x03)
        reader.skip(3)
        additional, count = reader.number(1), reader.number(3)
        reader.skip(40)  # the rest of the basic header segment
        reader.skip(additional * 4)
        keys = Reader(reader.take_at_most(count))
        for _ in range(32):
            key, equals, value = keys.until(0).partition(b"=")
            expect(bool(equals))
            if key in KEYS:
                fields.octets(KEYS[key], value)


def nvme_tcp(sides: Sides, fields: Fields) -> None:
    """`host` and `subsystem`: the qualified names (NQN) of the first Connect; `queue`: 0 for the admin queue."""
    with suppress(EndError):
        reader = Reader(sides.client)
        expect(_pdu(reader)[0] == 0)
        kind, octets = _pdu(reader)
        body = Reader(octets)
        expect(kind == 4 and body.number(1) == 0x7F)
        body.skip(3)
        expect(body.number(1) == 1)
        body.skip(39)  # to RECFMT, and that
        fields.value("queue", body.little(2))
        body.skip(20)  # to the end of the command; the data follow: host and controller identifier
        body.skip(256)
        fields.octets("subsystem", body.take(256).split(b"\0", 1)[0])
        fields.octets("host", body.take(256).split(b"\0", 1)[0])


def _pdu(reader: Reader) -> tuple[int, bytes]:
    """Kind and what follows the common header."""
    kind = reader.number(1)
    reader.skip(3)
    return kind, reader.take_at_most(reader.little(4) - 8)


def smb(sides: Sides, fields: Fields) -> None:
    """`dialect`: the server's choice; `signing`: `required` where it says so."""
    with suppress(EndError):
        reader = Reader(sides.server)
        reader.skip(4)  # NetBIOS session header
        magic = reader.take(4)
        if magic == b"\xfeSMB":
            reader.skip(8)  # length of the header, credit charge, status
            expect(reader.little(2) == 0)
            reader.skip(52)  # to the end of the header, size of the structure
            mode, dialect = reader.little(2), reader.little(2)
            fields.value("dialect", word(DIALECTS, dialect))
            if mode & 2:
                fields.value("signing", "required")
        elif magic == b"\xffSMB":
            fields.value("dialect", "1")
    if "dialect" not in fields.all:
        for side in sides.each():
            if side[4:8] in (b"\xffSMB", b"\xfeSMB", b"\xfdSMB"):
                fields.value("family", "1" if side[4] == 0xFF else "2")
                break


def rpc(sides: Sides, fields: Fields) -> None:
    """`program`, `program_version`, `procedure` of the first call.

    A capture may begin in the middle, and a server may call back.
    """
    for side in sides.each():
        with suppress(EndError):
            reader = Reader(side)
            reader.skip(8 if sides.stream else 4)  # size, transaction
            expect((reader.number(4), reader.number(4)) == (0, 2))
            program, version, procedure = reader.number(4), reader.number(4), reader.number(4)
            fields.value("program", word(PROGRAMS, program))
            fields.value("program_version", version)
            names = NFS.get(version, ()) if program == NFS_PROGRAM else ()
            fields.value("procedure", names[procedure] if procedure < len(names) else procedure)
            return


def ntp(sides: Sides, fields: Fields) -> None:
    """`version`, `mode` of the first message; `stratum`, `reference` of the one that has the time."""
    for side in sides.each():
        if len(side) < 2:
            continue
        mode, stratum = side[0] & 7, side[1]
        fields.value("version", side[0] >> 3 & 7)
        fields.value("mode", word(MODES, mode))
        if mode not in (1, 2, 4, 5):
            continue
        fields.value("stratum", stratum)
        if stratum == 1 and len(side) >= 16:
            fields.value("reference", printable(side[12:16].split(b"\0", 1)[0]))


def ptp(sides: Sides, fields: Fields) -> None:
    """`message`, `version`, `domain`, `clock` (the port's clock identity)."""
    for side in sides.each():
        with suppress(EndError):
            reader = Reader(side)
            kind, version = reader.number(1), reader.number(1)
            fields.value("message", word(PTP_MESSAGES, kind & 15))
            fields.value("version", version & 15)
            reader.number(2)  # length
            fields.value("domain", reader.number(1))
            reader.skip(15)  # to sourcePortIdentity
            fields.value("clock", colons(reader.take(8)))
