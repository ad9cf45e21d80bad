from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.codec import Refused, bounds, decode_flows, encode_flows
from fabricscope.flow import RdmaLink
from fabricscope.v1 import flows_pb2
from tests.fixtures.flows import flow, key, rdma


@pytest.mark.parametrize(
    "sent",
    [
        flow(),
        flow(label="", behaviour=""),
        flow(tcp=None, rdma=rdma(link=RdmaLink.INFINIBAND), key=key(source=b"\0\1", destination=b"\0\2")),
        flow(key=key(source=b"\xfe" * 16, destination=b"\xfd" * 16)),
        flow(key=key(source=b"\2" * 6, destination=b"\3" * 6, protocol=0, ether_type=0x88CC)),
    ],
)
def test_what_is_sent_comes_back_whole(sent: Any) -> None:
    message = flows_pb2.Flows.FromString(encode_flows([sent, sent]).flows.SerializeToString())
    assert decode_flows(message) == [sent, sent]


def test_the_message_has_every_field_of_the_structures() -> None:
    described = {field.name for field in flows_pb2.Flow.DESCRIPTOR.fields}
    used = {field.name for field, _ in encode_flows([flow(rdma=rdma())]).flows.flows[0].ListFields()}
    assert used == described


def altered(**changes: Any) -> flows_pb2.Flows:
    """A message with one flow, of which some fields were changed; `__` stands for a dot."""
    message = encode_flows([flow(rdma=rdma())]).flows
    for path, value in changes.items():
        *parents, name = path.split("__")
        target: Any = message.flows[0]
        for parent in parents:
            target = getattr(target, parent)
        if isinstance(value, list):
            getattr(target, name).extend(value)
        else:
            setattr(target, name, value)
    return message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key__source": b"abc"}, "source of a flow has 3 octets"),
        ({"key__destination": b""}, "destination of a flow has 0 octets"),
        ({"key__source_port": 1 << 16}, "source_port of a flow is 65536, which has more than 16 bits"),
        ({"key__vlan": 4096}, "more than 12 bits"),
        ({"key__tunnel": 99}, "tunnel of a flow is 99"),
        ({"end_reason": 0}, "end_reason of a flow is 0"),
        ({"rdma__link": 3}, "link of a flow is 3"),
        ({"end_ns": 1 << 63}, "beyond the year 2262"),
        ({"payload__confidence": 1.5}, "confidence of a flow is 1.5; it lies from 0 to 1"),
        ({"visibility": float("nan")}, "visibility of a flow is nan"),
        ({"payload__label": "x" * 5000}, "label of a flow is 5000 characters long"),
        ({"features__bins": [1] * bounds.MAX_LIST}, "bins of a flow has"),
        ({"behaviour__evidence": ["y" * 5000]}, "evidence of a flow is 5000"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        decode_flows(altered(**changes))


def test_too_many_flows_are_refused() -> None:
    message = flows_pb2.Flows(flows=[flows_pb2.Flow()] * (bounds.MAX_FLOWS + 1))
    with pytest.raises(Refused, match="at most 10000 are taken"):
        decode_flows(message)


@given(st.binary(max_size=300))
def test_any_octets_are_flows_or_refused(octets: bytes) -> None:
    try:
        message = flows_pb2.Flows.FromString(octets)
    except DecodeError:
        return
    try:
        taken = decode_flows(message)
    except Refused as refused:
        assert refused.detail
    else:
        assert decode_flows(encode_flows(taken).flows) == taken
