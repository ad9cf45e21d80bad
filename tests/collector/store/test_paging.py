from __future__ import annotations

import pytest

from collector.store.paging import MAX_PAGE, Conditions, Origin, RowFilter, RowKey, check_limit, conditions, key


def test_values_stay_parameters() -> None:
    wanted = conditions(RowFilter(since_unix_ns=1, until_unix_ns=9, cluster="a' OR 1", host="h"), None)
    assert "a' OR 1" not in str(wanted)
    assert wanted.parameters == {"since": 1, "until": 9, "cluster": "a' OR 1", "host": "h"}


def test_everything_is_wanted_by_default() -> None:
    assert str(conditions(RowFilter(), None)) == "1"
    assert str(Conditions()) == "1"


def test_a_page_goes_on_behind_the_last_row() -> None:
    place = key(5, Origin("c", "h", "e", 7, 3, 99))
    assert place == RowKey(5, "h", "e", 7, 3)
    behind = conditions(RowFilter(), place)
    assert behind.parameters["after_sequence"] == 7
    assert "time <= " in str(behind)


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_limits(limit: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to"):
        check_limit(limit)
