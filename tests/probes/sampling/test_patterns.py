from __future__ import annotations

import msgspec
import pytest

from probes.sampling.patterns import Patterns, matches


@pytest.mark.parametrize(
    ("name", "patterns", "expected"),
    [
        ("eth0", ("eth0",), True),
        ("eth0", ("veth*", "eth?"), True),
        ("eth10", ("eth?",), False),
        ("ETH0", ("eth*",), False),
        ("xeth0", ("eth0",), False),
        ("eth0", (), False),
    ],
)
def test_a_name_is_chosen_by_any_of_the_patterns(name: str, patterns: tuple[str, ...], expected: bool) -> None:
    assert matches(name, patterns) is expected


def test_a_pattern_that_looks_expensive_is_not() -> None:
    assert not matches("a" * 10_000, ("*a" * 31 + "b",))


@pytest.mark.parametrize("given", [["x"] * 65, [""], ["x" * 65], "eth*"])
def test_settings_are_bounded(given: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Patterns)
    assert msgspec.convert(["x" * 64] * 64, Patterns) == ("x" * 64,) * 64
