from __future__ import annotations

import json

import msgspec
import pytest

from collector.api.documents import ValueInfo


@pytest.mark.parametrize("value", [(1 << 64) - 1, 0.1, None])
def test_a_value_survives_json(value: float | None) -> None:
    info = ValueInfo("test", "fabricscope_test", "counter", "", {"device": "a"}, value, "ok", "1970-01-01T00:00:00Z")
    encoded = msgspec.json.encode(info)
    assert msgspec.json.decode(encoded, type=ValueInfo) == info
    assert json.loads(encoded)["value"] == value
