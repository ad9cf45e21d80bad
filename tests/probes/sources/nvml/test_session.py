from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from probes.sources.nvml import codes, fields, values, wire
from probes.sources.nvml.session import MAX_EVENTS, MAX_PAIRS, Session
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.bindings import GCC

Answers = Callable[[fake.Node], None]
pytestmark = GCC


class Places(list[int]):
    """Where the session said that it was."""


def session(nvml: Any) -> tuple[Session, Places]:
    places = Places()
    return Session(nvml, places.append), places


def ask(gpus: int, *, plans: dict[str, Any] | None = None, calls: tuple[str, ...] = (), **extra: Any) -> dict[str, Any]:
    keys = list(plans or {})
    rows = [{"index": gpu, "plans": keys, "calls": calls} for gpu in range(gpus)]
    return {"id": 1, "plans": plans or {}, "gpus": rows, **extra}


def test_what_it_says_when_it_opens(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(2).line("open 1 15"))
    opened, places = session(nvml)
    assert opened.open() == {"code": 0, "driver": "580.105.08", "gpus": [[0, "0000:17:00.0"], [15, ""]]}
    assert places == [wire.OPENING, 0, 1, wire.READY]


def test_a_gpu_that_is_to_be_skipped_is_opened_when_it_is_asked_about(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(3))
    places = Places()
    opened = Session(nvml, places.append, [1])
    assert opened.open()["gpus"] == [[0, "0000:17:00.0"], [wire.SKIPPED, ""], [0, "0000:37:00.0"]]
    assert places == [wire.OPENING, 0, 2, wire.READY]
    document, _ = opened.answer(ask(2, calls=("temperature",)))
    assert [row["calls"] for row in document["gpus"]] == [[[0, 34]], [[0, 34]]]


def test_or_why_it_does_not(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(2).line("init 9"))
    assert session(nvml)[0].open() == {"code": codes.DRIVER_NOT_LOADED}


def test_a_request(nvml: Any, answers: Answers) -> None:
    answers(fake.nvlink4_node(2, 2))
    opened, places = session(nvml)
    opened.open()
    places.clear()
    plan = [[fields.NVLINK_STATE, [0, 1, 2]], [fields.NVLINK_DATA_TX, [0]]]
    document, raw = opened.answer(ask(2, plans={"p": plan}, calls=("temperature", "power")))
    assert places == [0, 1, wire.READY]
    assert document == {
        "id": 1,
        "gpus": [
            {"index": gpu, "code": 0, "plans": [[0, 4 * values.ENTRY]], "calls": [[0, 34], [3, None]]}
            for gpu in range(2)
        ],
    }
    descriptors, bits = values.decoded(raw)
    assert [values.code(descriptor) for descriptor in descriptors] == [0, 0, 3, 0] * 2
    assert bits[0] == bits[1] == 1
    assert bits[3] == 1 << 30


def test_what_the_library_leaves_out_is_not_the_last_samples_value(nvml: Any, answers: Answers) -> None:
    answers(fake.nvlink4_node(1, 1))
    opened, _ = session(nvml)
    opened.open()
    plan = {"p": [[fields.NVLINK_DATA_TX, [0]]]}
    assert values.decoded(opened.answer(ask(1, plans=plan))[1])[1] == [1 << 30]
    answers(fake.plain_node(1))
    descriptors, bits = values.decoded(opened.answer(ask(1, plans=plan))[1])
    assert (values.code(descriptors[0]), bits) == (codes.NAMES and 3, [0])


@pytest.mark.parametrize("code", [15, 16])
def test_a_lost_gpu_is_left_at_its_first_answer_and_the_next_is_asked(nvml: Any, answers: Answers, code: int) -> None:
    answers(fake.nvlink4_node(2, 1))
    opened, _ = session(nvml)
    opened.open()
    answers(fake.nvlink4_node(2, 1).line(f"gone 0 {code}"))
    for request in (
        ask(2, plans={"p": [[fields.NVLINK_STATE, [0]]]}, calls=("temperature",)),
        ask(2, plans={"p": [[fields.NVLINK_STATE, [0]]]}),
    ):
        document, raw = opened.answer(request)
        assert document["gpus"][0] == {"index": 0, "code": code, "plans": [], "calls": []}
        assert document["gpus"][1]["code"] == 0
        assert len(raw) == values.ENTRY


def test_a_gpu_is_lost_when_nothing_about_it_works_and_not_when_one_thing_does(nvml: Any, answers: Answers) -> None:
    answers(fake.nvlink4_node(2, 1))
    opened, _ = session(nvml)
    opened.open()
    answers(fake.nvlink4_node(2, 1).line("gone 0 999").call(1, "temperature", 0, code=999))
    request = ask(2, plans={"p": [[fields.NVLINK_STATE, [0]]]}, calls=("temperature",))
    document, _ = opened.answer(request)
    assert [row["code"] for row in document["gpus"]] == [999, 0]
    assert document["gpus"][1]["calls"] == [[999, None]]


def test_a_gpu_that_could_not_be_opened_is_lost(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1).line("open 0 999"))
    opened, _ = session(nvml)
    opened.open()
    assert opened.answer(ask(1, calls=("temperature",)))[0]["gpus"][0]["code"] == codes.GPU_IS_LOST


def test_a_library_that_refuses_so_many_values_at_once_is_asked_in_parts(nvml: Any, answers: Answers) -> None:
    answers(fake.nvlink4_node(1, 18).line("limit 7"))
    opened, _ = session(nvml)
    opened.open()
    plan = {"p": [[fields.NVLINK_DATA_TX, list(range(18))], [fields.NVLINK_STATE, list(range(18))]]}
    for _ in range(2):
        document, raw = opened.answer(ask(1, plans=plan))
        assert document["gpus"][0]["plans"] == [[0, 36 * values.ENTRY]]
        assert values.decoded(raw)[1] == [1 << 30] * 18 + [1] * 18


def test_xids_are_told_once_with_the_gpu_that_they_are_of(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(3))
    opened, _ = session(nvml)
    opened.open()
    assert opened.answer(ask(0, events=True))[0]["events"] == []
    answers(fake.plain_node(3).line("xid 2 79").line("xid 99 13"))
    document, _ = opened.answer(ask(0, events=True))
    assert document["events"] == [[2, 79, 0xFFFFFFFF, 0xFFFFFFFF], [-1, 13, 0xFFFFFFFF, 0xFFFFFFFF]]
    assert document["events_code"] == 0
    assert opened.answer(ask(0, events=True))[0]["events"] == []


def test_a_flood_of_xids_is_taken_in_portions(nvml: Any, answers: Answers) -> None:
    node = fake.plain_node(1)
    answers(node)
    opened, _ = session(nvml)
    opened.open()
    for number in range(MAX_EVENTS + 3):
        node.line(f"xid 0 {number}")
    answers(node)
    assert [len(opened.answer(ask(0, events=True))[0]["events"]) for _ in range(3)] == [MAX_EVENTS, 3, 0]


def test_plans_are_bounded(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1))
    opened, _ = session(nvml)
    opened.open()
    with pytest.raises(ValueError, match="over 4096"):
        opened.answer(ask(1, plans={"p": [[165, list(range(MAX_PAIRS + 1))]]}))
