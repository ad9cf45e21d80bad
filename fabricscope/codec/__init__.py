"""Nouns to v1 messages and back: a module for each file in proto/.

Everything decoded here came from the network: it is checked for shape and bounds (bounds.py), and what
fails raises `Refused` with the reason that the wire has for it. Encoding trusts its caller.
"""

from fabricscope.codec.bounds import Refused
from fabricscope.codec.events import decode_events, encode_events
from fabricscope.codec.flows import decode_flows, encode_flows
from fabricscope.codec.hello import PROTOCOL, decode_hello, encode_hello
from fabricscope.codec.hints import decode_hint, encode_hint
from fabricscope.codec.samples import (
    decode_batch,
    decode_series_set,
    encode_samples,
    encode_series_set,
    series_set_id,
)

__all__ = [
    "PROTOCOL",
    "Refused",
    "decode_batch",
    "decode_events",
    "decode_flows",
    "decode_hello",
    "decode_hint",
    "decode_series_set",
    "encode_events",
    "encode_flows",
    "encode_hello",
    "encode_hint",
    "encode_samples",
    "encode_series_set",
    "series_set_id",
]
