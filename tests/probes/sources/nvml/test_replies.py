from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.nvml import replies
from probes.sources.nvml.replies import Ask, Plan
from probes.sources.nvml.values import ENTRY
from probes.sources.nvml.wire import Frames, WireError

PLAN = Plan("p", ((165, 0), (165, 1), (164, 0)))
ASKS = {0: Ask((PLAN,), ("temperature",)), 2: Ask((), ("mig", "power"))}


def row(index: int, plans: list[list[int]], calls: list[list[object]], code: int = 0) -> dict[str, object]:
    return {"index": index, "code": code, "plans": plans, "calls": calls}


def said(*rows: dict[str, object]) -> replies.Reply:
    return replies.reply(json.dumps({"id": 1, "gpus": rows}).encode())


GOOD = (row(0, [[0, 3 * ENTRY]], [[0, 34]]), row(2, [], [[3, None], [0, 70000]]))


def test_a_request_names_a_plan_once_and_a_field_once() -> None:
    frames = Frames()
    frames.feed(replies.request(7, ASKS, [(0, PLAN)], events=True))
    frame = frames.take()
    assert frame is not None
    assert json.loads(frame[0]) == {
        "id": 7,
        "plans": {"0.p": [[165, [0, 1]], [164, [0]]]},
        "gpus": [
            {"index": 0, "plans": ["0.p"], "calls": ["temperature"]},
            {"index": 2, "plans": [], "calls": ["mig", "power"]},
        ],
        "events": True,
    }


def test_an_answer_has_each_value_by_its_name() -> None:
    answers = replies.answers(ASKS, said(*GOOD), bytes(3 * ENTRY))
    assert answers[0].plans[0].bits == [0, 0, 0]
    assert answers[0].calls["temperature"] == (0, 34)
    assert answers[2].calls == {"mig": (3, None), "power": (0, 70000)}


def test_a_gpu_that_does_not_answer_has_nothing_else() -> None:
    answers = replies.answers(ASKS, said(row(0, [], [], 15), GOOD[1]), b"")
    assert answers[0] == (15, (), {})


@pytest.mark.parametrize(
    ("rows", "raw", "problem"),
    [
        ((GOOD[1], GOOD[0]), bytes(3 * ENTRY), "other GPUs"),
        ((GOOD[0],), bytes(3 * ENTRY), "other GPUs"),
        ((row(0, [], [[0, 34]]), GOOD[1]), b"", "other values"),
        ((row(0, [[0, 3 * ENTRY]], []), GOOD[1]), bytes(3 * ENTRY), "other values"),
        ((row(0, [[0, 2 * ENTRY]], [[0, 34]]), GOOD[1]), bytes(2 * ENTRY), "for a plan of 3"),
        (GOOD, bytes(4 * ENTRY), "were announced"),
        (GOOD, bytes(3 * ENTRY - 1), "no array"),
        (GOOD, bytes(2 * ENTRY), "were announced"),
    ],
)
def test_an_answer_to_something_else_is_refused(rows: tuple[dict[str, object], ...], raw: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        replies.answers(ASKS, said(*rows), raw)


def test_a_hello() -> None:
    hello = replies.hello(b'{"code": 0, "driver": "580.1", "gpus": [[0, "0000:17:00.0"], [15, ""]]}')
    assert (hello.driver, hello.gpus) == ("580.1", [(0, "0000:17:00.0"), (15, "")])


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(max_size=8), st.lists, max_leaves=8)
    .map(json.dumps)
    .map(str.encode)
)
def test_any_document_is_a_reply_or_an_error(document: bytes) -> None:
    for parse in (replies.hello, replies.reply):
        try:
            parse(document)
        except WireError as error:
            assert "the child's" in str(error)
