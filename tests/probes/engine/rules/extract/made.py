"""What both sides of a flow sent first, and what is to be read out of it."""

from __future__ import annotations

import struct


def counted(size: int, octets: bytes) -> bytes:
    return len(octets).to_bytes(size) + octets


def hello(alpn: bytes = b"h2", dtls: bool = False) -> bytes:
    """A client hello, with TLS's short header."""
    extensions = b"".join(
        struct.pack("!H", kind) + counted(2, body)
        for kind, body in (
            (0x0A0A, b""), (0, counted(2, b"\0" + counted(2, b"a.example"))), (16, counted(2, counted(1, alpn))),
            (43, counted(1, b"\x03\x04\x03\x03")), (13, counted(2, b"\x04\x03\x08\x04")), (10, b"\0\x02\0\x1d"),
        )
    )  # fmt: skip
    cookie = b"\0" if dtls else b""
    version = b"\xfe\xfd" if dtls else b"\x03\x03"
    body = version + bytes(32) + b"\0" + cookie + counted(2, b"\x13\x01\x0a\x0a\x13\x02") + b"\1\0"
    return b"\1" + counted(3, body + counted(2, extensions))


def headers(block: bytes) -> bytes:
    """A frame of HTTP/2."""
    return len(block).to_bytes(3) + b"\1\4\0\0\0\1" + block


SERVER_HELLO = b"\2" + counted(
    3,
    b"\x03\x03"
    + bytes(32)
    + b"\0\x13\x01\0"
    + counted(2, b"\0\x2b\0\2\3\4" + b"\0\x10" + counted(2, counted(2, counted(1, b"h2")))),
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BLOCK = (
    b"\x82\x84\x86\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"
    + b"\x40"
    + counted(1, b"x-y")
    + counted(1, b"z")
    + b"\xbe"
)
DNS = struct.pack("!HHHHHH", 1, 0x8183, 1, 0, 0, 0) + b"\1a\7example\0" + struct.pack("!HH", 28, 1)
NETBIOS = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + b"\x20" + b"EB" + b"CA" * 15 + b"\0" + struct.pack("!HH", 32, 1)
DHCP = bytes(236) + struct.pack("!I", 0x63825363) + b"\0\x35\1\1\x0c\4host\x3c\3abc\xff"
LLDP = b"\2\7\4\2\0\0\0\0\1" + b"\4\5\5eth0" + b"\x0a\3sw1" + b"\0\0"
BGP = (
    b"\xff" * 16
    + b"\0\x2d\1\4\xfd\xe8\0\x5a\x0a\0\0\1"
    + counted(1, b"\2" + counted(1, b"\x41" + counted(1, struct.pack("!I", 70000))))
)
STARTUP = struct.pack("!II", 8 + 13, 3 << 16) + b"user\0bob\0db\0x"
MYSQL = b"\x4a\0\0\0\x0a8.0.1\0rest"
MYSQL_USER = b"\0\0\x5a\1" + struct.pack("<I", 0x0200) + bytes(28) + b"root\0"
NVME = b"\0\0\x80\0" + struct.pack("<I", 128) + bytes(120) + b"\4\0\x48\0" + struct.pack("<I", 8 + 64 + 1024)
NVME += (
    b"\x7f\0\0\0\1"
    + bytes(39)
    + struct.pack("<H", 3)
    + bytes(20)
    + bytes(256)
    + b"nqn.sub".ljust(256, b"\0")
    + b"nqn.host".ljust(256, b"\0")
)
ISCSI_KEYS = b"InitiatorName=iqn.a\0TargetName=iqn.b\0SessionType=Normal\0"
ISCSI = b"\x43\0\0\0\0" + len(ISCSI_KEYS).to_bytes(3) + bytes(40) + ISCSI_KEYS
SMB2 = bytes(4) + b"\xfeSMB" + bytes(10) + bytes(50) + b"\x41\0" + struct.pack("<HH", 3, 0x0311)
NFS = struct.pack("!IIIIIII", 0, 5, 0, 2, 100003, 3, 6)

SAMPLES = [
    ("tls", b"\x16\x03\x01" + counted(2, hello()), b"\x16\x03\x03" + counted(2, SERVER_HELLO), True, {
        "sni": "a.example", "ja4": "t13d0205h2_62ed6f6ca7ad_fbabbea27ee8", "offered_alpn": "h2", "version": "TLSv1.3", "cipher": "0x1301",  # noqa: E501
        "alpn": "h2",
    }),
    ("dtls", b"\x16\xfe\xfd" + bytes(8) + counted(2, hello(dtls=True)[:4] + b"\0\0" + bytes(3) + hello(dtls=True)[1:]), b"", False, {  # noqa: E501
        "sni": "a.example", "ja4": "d12d0205h2_62ed6f6ca7ad_fbabbea27ee8", "offered_alpn": "h2",
        "offered_version": "TLSv1.2",
    }),
    ("http", b"GET /x HTTP/1.1\r\nHost: a\r\nuser-agent : me\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: s\\\xff\r\n\r\n", True, {  # noqa: E501
        "method": "GET", "target": "/x", "host": "a", "user_agent": "me", "status": "200", "server": "s\\x5c\\xff",
    }),
    ("http2", PREFACE + headers(BLOCK), headers(b"\x88"), True, {
        "method": "GET", "path": "/", "scheme": "http", "host": "www.example.com", "status": "200",
    }),
    ("dns", DNS, b"", False, {"response_code": "NXDOMAIN", "answers": "0", "name": "a.example", "type": "AAAA"}),
    ("netbios-ns", NETBIOS, b"", False, {"name": "A", "type": "32"}),
    ("dhcp", DHCP, b"", False, {"message": "DISCOVER", "host_name": "host", "vendor_class": "abc"}),
    ("lldp", LLDP, b"", False, {"chassis": "02:00:00:00:00:01", "port": "eth0", "system_name": "sw1"}),
    ("bgp", BGP, b"", True, {"as": "70000", "hold_time": "90", "router_id": "10.0.0.1"}),
    ("postgresql", STARTUP, b"S\0\0\0\x13server_version\x0016\0", True, {"user": "bob"}),
    ("postgresql", struct.pack("!II", 8, 80877103), b"S", True, {"tls": "accepted"}),
    ("mysql", MYSQL_USER, MYSQL, True, {"server_version": "8.0.1", "user": "root"}),
    ("kafka", struct.pack("!IHHIH", 20, 18, 3, 7, 2) + b"me", b"", True, {
        "api": "ApiVersions", "api_version": "3", "client_id": "me",
    }),
    ("mqtt", b"\x10\x0f\0\4MQTT\5\2\0\x3c\0\0\2me", b"\x20\2\0\5", True, {
        "version": "5", "client_id": "me", "return_code": "5",
    }),
    ("nats", b'CONNECT {"name":"c","lang":"go"}\r\n', b'INFO {"version":"2.1","server_name":"n"}\r\n', True, {
        "server_name": "n", "version": "2.1", "client": "c", "language": "go",
    }),
    ("redis", b"*2\r\n$3\r\nget\r\n$1\r\na\r\n", b"", True, {"command": "GET"}),
    ("redis", b"ping\r\n", b"", True, {"command": "PING"}),
    ("iscsi", ISCSI, b"", True, {"initiator": "iqn.a", "target": "iqn.b", "session_type": "Normal"}),
    ("nvme-tcp", NVME, b"", True, {"queue": "3", "subsystem": "nqn.sub", "host": "nqn.host"}),
    ("smb", b"", SMB2, True, {"dialect": "3.1.1", "signing": "required"}),
    ("smb", b"\0\0\0\5\xffSMB", b"", True, {"family": "1"}),
    ("nfs", NFS, b"", True, {"program": "nfs", "program_version": "3", "procedure": "READ"}),
    ("ntp", b"\x23\0" + bytes(46), b"\x24\1" + bytes(10) + b"GPS\0" + bytes(32), False, {
        "version": "4", "mode": "client", "stratum": "1", "reference": "GPS",
    }),
    ("ptp", b"\x0b\2\0\x40\7" + bytes(15) + bytes(range(8)), b"", False, {
        "message": "Announce", "version": "2", "domain": "7", "clock": "00:01:02:03:04:05:06:07",
    }),
    ("sip", b"INVITE sip:a SIP/2.0\r\nf: b\r\nTo: c\r\n\r\n", b"SIP/2.0 486 Busy\r\n\r\n", False, {
        "method": "INVITE", "from": "b", "to": "c", "status": "486",
    }),
    ("ssdp", b"M-SEARCH * HTTP/1.1\r\nST: all\r\n\r\n", b"", False, {"method": "M-SEARCH", "target": "all"}),
    ("ssh", b"SSH-2.0-me 1\r\n", b"hello\r\nSSH-2.0-you\r\n", True, {"version": "2.0", "client": "me 1", "server": "you"}),  # noqa: E501
    ("smtp", b"", b"220 mail ESMTP\r\n", True, {"greeting": "220 mail ESMTP"}),
]  # fmt: skip
