from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.engine.flows.single import single


@given(st.floats(width=32, allow_nan=False))
def test_numbers_of_32_bits_stay_as_they_are(number: float) -> None:
    assert single(number) == number


def test_others_are_rounded() -> None:
    assert single(0.1) != 0.1
    assert abs(single(0.1) - 0.1) < 1e-8
