from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.samplers.roce.ratios import ErrorRatio

SPAN = 10**12


def test_nothing_until_enough_bits_were_seen_and_then_what_was_in_them() -> None:
    ratio = ErrorRatio(SPAN)
    assert ratio.observe(5 * SPAN, 1000) is None
    assert ratio.observe(5 * SPAN + SPAN // 2, 1003) is None
    assert ratio.observe(6 * SPAN, 1004) == 4e-12
    # The next span has begun; until it is complete the last one stands.
    assert ratio.observe(6 * SPAN + SPAN // 2, 2004) == 4e-12
    assert ratio.observe(7 * SPAN, 2004) == 1e-9


def test_no_errors_in_a_whole_span_is_zero() -> None:
    ratio = ErrorRatio(SPAN)
    ratio.observe(0, 7)
    assert ratio.observe(4 * SPAN, 7) == 0.0


def test_a_link_that_is_down_has_no_ratio() -> None:
    ratio = ErrorRatio(SPAN)
    ratio.observe(0, 0)
    assert ratio.observe(SPAN, 5) == 5e-12
    assert ratio.observe(SPAN, 5) is None
    assert ratio.observe(2 * SPAN - 1, 5) is None
    assert ratio.observe(2 * SPAN, 5) == 0.0


def test_a_reset_is_no_burst_of_errors() -> None:
    ratio = ErrorRatio(SPAN)
    ratio.observe(0, 500)
    assert ratio.observe(SPAN, 501) == 1e-12
    assert ratio.observe(3 * SPAN, 0) is None
    assert ratio.observe(4 * SPAN, 1) == 1e-12
    assert ratio.observe(10, 1) is None


def test_after_an_unreadable_moment_it_begins_anew() -> None:
    ratio = ErrorRatio(SPAN)
    ratio.observe(0, 0)
    ratio.observe(SPAN, 9)
    ratio.forget()
    assert ratio.observe(9 * SPAN, 900) is None


@given(st.lists(st.tuples(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1)), max_size=30))
def test_whatever_the_counters_do_a_ratio_is_never_negative(counts: list[tuple[int, int]]) -> None:
    ratio = ErrorRatio(1)
    for bits, errors in counts:
        value = ratio.observe(bits, errors)
        assert value is None or value >= 0
