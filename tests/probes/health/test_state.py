from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.health.evidence.long_pasts import GaugePast
from probes.health.state import Pasts, State, TrendPast, decoded, encoded

EMPTY = State(written_unix_ns=5, started_unix_ns=1, rules=3, verdicts=())


def test_what_was_written_is_read() -> None:
    assert decoded(encoded(EMPTY), State) == EMPTY
    pasts = Pasts(
        written_unix_ns=5,
        trends=(TrendPast("r", ("a",), ((1, 2.0),)),),
        gauges=(GaugePast("m", ("a",), 9, ((1, 2.0, 3.0),)),),
    )
    assert decoded(encoded(pasts), Pasts) == pasts


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"written_unix_ns": -1},
        {"written_unix_ns": 1 << 70},
        {"verdicts": [{}]},
        {"verdicts": 3},
        {"extra": 1},
        {"samplers": [3]},
    ],
)
def test_what_does_not_fit_is_refused_as_a_whole(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not a state of this version \(1\)"):
        decoded(json.dumps({**json.loads(encoded(EMPTY)), **change}).encode(), State)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_state_or_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a state"):
        decoded(content, State)
    with pytest.raises(ValueError, match="not a state"):
        decoded(content, Pasts)


def test_brackets_without_end_are_an_error() -> None:
    with pytest.raises(ValueError, match="not a state"):
        decoded(b"[" * 100_000, State)
