from __future__ import annotations

import pytest

from tests.conformance.conftest import rendered
from tests.conformance.scores import Known, Score


def test_a_difference_that_is_known_counts_each_time() -> None:
    score = Score("set")
    score.compare("lane 1", 1, 1)
    for theirs in (2, 3):
        score.differs("lane 2", 1, theirs, "they round")
    assert score.known == [Known("lane 2", "they round")] * 2
    score.check()
    page = rendered({"set": [score]})
    assert "| set | 3 | 1 | 2 |" in page
    assert "- set, 2 values (lane 2, lane 2): they round" in page


def test_a_known_difference_that_is_none_fails() -> None:
    score = Score("set")
    score.compare("lane 1", 1, 1)
    score.differs("lane 2", 1, 1, "they round")
    assert score.known == []
    with pytest.raises(AssertionError, match="lane 2: 1 on both sides, although it is to differ: they round"):
        score.check()


def test_what_differs_without_a_reason_and_what_compares_nothing_fail() -> None:
    score = Score("set")
    with pytest.raises(AssertionError, match="nothing was compared"):
        score.check()
    score.compare("lane 1", 1, 2)
    with pytest.raises(AssertionError, match="lane 1: 1 here, 2 expected"):
        score.check()
