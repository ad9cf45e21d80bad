"""How a probe introduces itself."""

from __future__ import annotations

from fabricscope.codec.bounds import HOST_NAME, LABEL_NAME, bounded, bounded_map, checked, invalid
from fabricscope.model import HostIdentity
from fabricscope.v1 import stream_pb2

PROTOCOL = 1
"""Version of the wire that this code speaks."""


def encode_hello(identity: HostIdentity) -> stream_pb2.StreamRequest:
    """The first message of a stream."""
    return stream_pb2.StreamRequest(
        hello=stream_pb2.Hello(
            protocol=PROTOCOL,
            host=identity.host,
            boot_id=identity.boot_id,
            epoch=identity.epoch,
            labels=identity.labels,
            software_version=identity.software_version,
        )
    )


def decode_hello(message: stream_pb2.Hello) -> HostIdentity:
    """Who speaks. Raises Refused for a host name that is none, no epoch, and label names no metric may have."""
    if not message.epoch:
        raise invalid("the hello has no epoch: without one a new spool's messages look like repeated ones")
    return HostIdentity(
        host=checked(HOST_NAME, message.host, "host name"),
        boot_id=bounded(message.boot_id, "boot id"),
        epoch=bounded(message.epoch, "epoch"),
        labels={
            checked(LABEL_NAME, key, "host label"): value
            for key, value in bounded_map(message.labels, "host labels").items()
        },
        software_version=bounded(message.software_version, "software version"),
    )
