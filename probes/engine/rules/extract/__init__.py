"""Fields out of the first octets of a flow.

Each extractor is a pure function of what both sides sent first. The octets may be cut off anywhere and are whatever a
peer likes: what cannot be read is left out, and what was read is bounded and printable.
"""

from __future__ import annotations

from collections.abc import Callable

from probes.engine.rules.extract import naming, services, text
from probes.engine.rules.extract.http2 import http2
from probes.engine.rules.extract.quic import quic
from probes.engine.rules.extract.reader import Fields, Sides
from probes.engine.rules.extract.tls import dtls, tls

__all__ = ["Sides", "extract", "extractors"]

EXTRACTORS: dict[str, Callable[[Sides, Fields], None]] = {
    "bgp": naming.bgp,
    "dhcp": naming.dhcp,
    "dns": naming.dns,
    "dtls": dtls,
    "ftp": text.greeting,
    "grpc": http2,
    "http": text.http,
    "http2": http2,
    "imap": text.greeting,
    "iscsi": services.iscsi,
    "kafka": services.kafka,
    "lldp": naming.lldp,
    "mqtt": services.mqtt,
    "mysql": services.mysql,
    "nats": services.nats,
    "netbios-ns": naming.netbios_ns,
    "nfs": services.rpc,
    "ntp": services.ntp,
    "nvme-tcp": services.nvme_tcp,
    "pop3": text.greeting,
    "postgresql": services.postgresql,
    "ptp": services.ptp,
    "quic": quic,
    "redis": services.redis,
    "rpc": services.rpc,
    "sip": text.sip,
    "smb": services.smb,
    "smtp": text.greeting,
    "ssdp": text.ssdp,
    "ssh": text.ssh,
    "tls": tls,
}


def extractors() -> list[str]:
    """The names of extractors, ascending."""
    return list(EXTRACTORS)


def extract(name: str, sides: Sides) -> list[tuple[str, str]]:
    """What the extractor `name` reads, each name once; nothing where there is no such extractor."""
    fields = Fields()
    extractor = EXTRACTORS.get(name)
    if extractor is not None:
        extractor(sides, fields)
    return list(fields.all.items())
