from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from collector.api.parameters import EventsQuery, SeriesQuery, decode_position, encode_position, parse
from collector.api.problems import ProblemError
from collector.store import RowKey
from tests.collector.api.conftest import Api


@pytest.mark.parametrize(
    ("path", "parameter", "remedy"),
    [
        ("/api/v1/hosts?limit=0", "limit", "a whole number from 1 to 1000"),
        ("/api/v1/hosts?limit=1.5", "limit", "a whole number from 1 to 1000"),
        ("/api/v1/hosts?limit=99999999999999999999", "limit", "a whole number from 1 to 1000"),
        ("/api/v1/hosts?limit=5&limit=6", "limit", "give it once"),
        ("/api/v1/hosts?status=dead", "status", "one of live, stale"),
        ("/api/v1/hosts?label=rack", "label", "name=value"),
        ("/api/v1/hosts?" + "&".join(["label=a=b"] * 9), "label", "at most 8"),
        ("/api/v1/hosts?lable=a=b", "lable", "did you mean 'label'?"),
        ("/api/v1/hosts?after=%21%21", "after", "`after` of the page before"),
        ("/api/v1/hosts/node1?host=node2", "host", "known: none"),
        ("/api/v1/values", "host", "add host=..."),
        ("/api/v1/values?host=", "host", "see /api/v1/openapi.json"),
        ("/api/v1/values?host=node1&metric=a-b", "metric", "a text that matches"),
        ("/api/v1/events?severity=bad", "severity", "one of critical, info, warning"),
        ("/api/v1/events?since=yesterday", "since", "a text that matches"),
        ("/api/v1/events?since=2026-13-01T00:00:00Z", "since", "write it as 2026-"),
        ("/api/v1/events?until=9999-01-01T00:00:00Z", "until", "write it as 2026-"),
        ("/api/v1/events?kind=Ethernet", "kind", "a text that matches"),
        ("/api/v1/events?text=" + "x" * 300, "text", "see"),
        ("/api/v1/status?verbose=1", "verbose", "known: none"),
    ],
)
async def test_a_bad_parameter_is_400_naming_it_its_value_and_the_remedy(
    api: Api, path: str, parameter: str, remedy: str
) -> None:
    problem = await api.problem(path)
    assert problem["status"] == 400
    assert problem["parameter"] == parameter
    assert remedy in problem["remedy"]
    assert len(problem.get("value", "")) <= 200


def test_the_value_that_was_given_is_named() -> None:
    with pytest.raises(ProblemError) as caught:
        parse(EventsQuery, {}, QueryParams("severity=urgent"))
    assert caught.value.problem.value == "urgent"


def test_defaults_stand_for_what_is_not_given() -> None:
    assert parse(SeriesQuery, {}, QueryParams("host=a")) == SeriesQuery(host="a")


@given(st.text(max_size=80))
def test_any_position_is_one_or_a_problem(text: str) -> None:
    try:
        key = decode_position(text, RowKey)
    except ProblemError as error:
        assert error.problem.parameter == "after"
    else:
        assert isinstance(key, RowKey)


@given(
    st.integers(0, (1 << 63) - 1),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, (1 << 32) - 1),
)
def test_positions_survive_the_url(time: int, text: str, sequence: int, position: int) -> None:
    key = RowKey(time, text, text, sequence, position)
    assert decode_position(encode_position(key), RowKey) == key


@pytest.mark.parametrize(
    "key", [(-1, "", "", 0, 0), (1 << 63, "", "", 0, 0), (0, "", "", 1 << 64, 0), (0, "", "", 0, 1 << 32)]
)
def test_a_position_that_fits_no_column_is_a_problem(key: tuple[object, ...]) -> None:
    with pytest.raises(ProblemError):
        decode_position(encode_position(key), RowKey)


@given(st.text(max_size=60))
def test_any_query_is_parameters_or_a_problem(query: str) -> None:
    try:
        assert isinstance(parse(EventsQuery, {}, QueryParams(query)), EventsQuery)
    except ProblemError as error:
        assert error.problem.status == 400
