from __future__ import annotations

import msgspec
import pytest

from probes.engine.steps import StepChannel


def test_a_channel_is_the_same_after_json() -> None:
    channel = StepChannel(1, "mlx5_0", "1", "port_rcv_data", "bytes", 4)
    assert msgspec.json.decode(msgspec.json.encode(channel), type=StepChannel) == channel


def test_a_channel_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"group": 1, "device": "x", "port": "", "counter": "y"}', type=StepChannel)
