from __future__ import annotations

import errno

import pytest

from probes.engine.captures.ring import Ring, steering


def test_live_capture_needs_the_rust_engine() -> None:
    for asked in (
        lambda: Ring.open("nic0", 2),
        lambda: Ring().wait(1),
        lambda: Ring().frames(1),
        lambda: Ring().skip(1),
        lambda: Ring().counts(),
        steering,
    ):
        with pytest.raises(OSError, match="live capture needs the Rust engine") as refused:
            asked()
        assert refused.value.errno == errno.ENOSYS
    Ring().close()
