from __future__ import annotations

import msgspec
import pytest

from fabricscope.flow import address_text, decode_records
from tests.fixtures.flows import flow, rdma


def test_records_are_read_as_the_engine_writes_them() -> None:
    records = [flow().record, flow(tcp=None, rdma=rdma()).record]
    assert decode_records(msgspec.msgpack.encode(records)) == records


def test_anything_else_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_records(b"\x91\x01")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (b"\x0a\0\0\1", "10.0.0.1"),
        (b"\xfe\x80" + bytes(13) + b"\1", "fe80::1"),
        (b"\2\0\0\0\0\x0f", "02:00:00:00:00:0f"),
        (b"\1\2", "lid:258"),
    ],
)
def test_addresses_are_written_as_people_write_them(address: bytes, text: str) -> None:
    assert address_text(address) == text
