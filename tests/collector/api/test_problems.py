from __future__ import annotations

import msgspec

from collector.api.problems import bad_parameter, unknown_host


def test_only_what_is_known_is_said() -> None:
    assert set(msgspec.to_builtins(unknown_host("node9").problem)) == {"title", "status", "detail", "value", "remedy"}


def test_a_long_value_is_shortened() -> None:
    assert len(bad_parameter("limit", "9" * 5000, "too large", "ask for less").problem.value) == 200
    assert len(unknown_host("a" * 5000).problem.value) == 200
