"""Hints, on their way down."""

from __future__ import annotations

from fabricscope.codec.bounds import MAX_PREFIXES, bounded, invalid, point_in_time
from fabricscope.model import Hint, HintAction
from fabricscope.v1 import hints_pb2, stream_pb2


def encode_hint(hint: Hint) -> stream_pb2.StreamResponse:
    """A hint on its way down to an agent."""
    return stream_pb2.StreamResponse(
        hint=hints_pb2.Hint(
            origin=hint.origin,
            epoch=hint.epoch,
            sequence=hint.sequence,
            action=hints_pb2.HintAction.Name(hint.action),
            link=hint.link,
            prefixes=hint.prefixes,
            reason=hint.reason,
            since_unix_nano=hint.since_unix_ns,
            lease_nano=hint.lease_ns,
        )
    )


def decode_hint(message: hints_pb2.Hint) -> Hint:
    """The hint. Raises Refused for an action or a size that the reference does not allow."""
    try:
        action = HintAction(message.action)
    except ValueError:
        raise invalid(f"hint from {message.origin[:80]!r} asks for the unknown action {message.action}") from None
    if len(message.prefixes) > MAX_PREFIXES:
        raise invalid(f"hint names {len(message.prefixes)} prefixes; at most {MAX_PREFIXES} are taken")
    return Hint(
        origin=bounded(message.origin, "origin"),
        epoch=message.epoch,
        sequence=message.sequence,
        action=action,
        link=bounded(message.link, "link"),
        prefixes=tuple(bounded(prefix, "prefix") for prefix in message.prefixes),
        reason=bounded(message.reason, "reason"),
        since_unix_ns=point_in_time(message.since_unix_nano, "time of a hint"),
        lease_ns=message.lease_nano,
    )
