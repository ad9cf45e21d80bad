"""A probe that does what it should not, so that the collector has something to count."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from fabricscope.assemble import Assembler
from fabricscope.codec import PROTOCOL, encode_hello, encode_samples, encode_series_set
from fabricscope.model import HostIdentity, Kind, MetricSpec, Now, Reading
from fabricscope.v1 import stream_pb2
from probes.stream import METHOD

SPEC = MetricSpec("fabricscope_stray", Kind.GAUGE, "Nothing.")
NOW = Now(1_800_000_000_000_000_000, 0)
HOUR_NS = 3_600_000_000_000


class StrayProbe:
    """Speaks to a collector at a port of loopback, under a host's name, and falls silent."""

    def __init__(self, port: int, host: str) -> None:
        self._address = f"127.0.0.1:{port}"
        self._hello = encode_hello(HostIdentity(host, "boot", "epoch", {"cluster": "alpha"}, "0"))

    def misbehave(self) -> None:
        """Have a hello refused and a message; send a batch late, and another one twice."""
        foreign = encode_hello(HostIdentity("other", "boot", "epoch", {}, "0"))
        foreign.hello.protocol = PROTOCOL + 1
        self._say([foreign])
        assembled = Assembler("stray", 1).assemble([Reading(SPEC, (), 1.0)], NOW)
        declaration = encode_series_set(assembled.series_set)
        samples = encode_samples([assembled.batch])
        undeclared = self._message(samples, 1, NOW.wall)
        self._say([self._hello, undeclared])
        late = self._message(samples, 2, NOW.wall + HOUR_NS)
        current = self._message(samples, 3, NOW.wall)
        self._say([self._hello, declaration, late, current])
        self._say([self._hello, declaration, late])

    def _message(self, body: stream_pb2.StreamRequest, sequence: int, sent: int) -> stream_pb2.StreamRequest:
        message = stream_pb2.StreamRequest(sequence=sequence, sent_unix_nano=sent)
        message.MergeFrom(body)
        return message

    def _say(self, requests: Sequence[stream_pb2.StreamRequest]) -> None:
        """One stream: the requests, then its end. What the collector answers does not matter."""
        with grpc.insecure_channel(self._address) as channel:
            call = channel.stream_stream(
                METHOD,
                request_serializer=stream_pb2.StreamRequest.SerializeToString,
                response_deserializer=stream_pb2.StreamResponse.FromString,
            )
            try:
                for _ in call(iter(requests), timeout=10):
                    pass
            except grpc.RpcError as error:
                assert error.code() is not grpc.StatusCode.UNAVAILABLE, error
