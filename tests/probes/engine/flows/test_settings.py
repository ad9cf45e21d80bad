from __future__ import annotations

import pytest

from probes.engine.flows.settings import MeterSettings


def test_what_is_left_out_has_its_default_and_what_is_wrong_is_named() -> None:
    assert MeterSettings.from_json(b'{"max_flows": 7, "linger_ns": null}').idle_ns == 30_000_000_000
    for settings, wrong in (
        (b'{"idle_ns": 5}', "idle_ns is 5, and may be 1000000 to"),
        (b'{"flows": 5}', "unknown field"),
        (b'{"sampling": 0}', "sampling is 0"),
        (b'{"keep_octets": 9}', "keep_octets is 9, but the Rust engine alone keeps packets"),
        (b"[", "settings of the meter"),
    ):
        with pytest.raises(ValueError, match=wrong):
            MeterSettings.from_json(settings)
