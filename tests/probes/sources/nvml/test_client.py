from __future__ import annotations

import threading

import pytest

from probes.sources.nvml import fields
from probes.sources.nvml.avoided import AVOID_NS
from probes.sources.nvml.client import PAUSES_NS, Client
from probes.sources.nvml.errors import Hung, NotNow, NvmlError
from probes.sources.nvml.opening import LATE_NS, LATE_PER_GPU_NS, OPEN_GPU_NS, OPEN_NS
from probes.sources.nvml.replies import Answer, Ask, Plan
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.stub import SECOND, Stub

PLAN = Plan("p", ((fields.NVLINK_STATE, 0), (fields.NVLINK_SPEED, 0)))
ASK = Ask((PLAN,), ("temperature",))
WAIT = SECOND // 2


def ask(stub: Stub, client: Client, *, events: bool = False) -> Answer:
    until = stub.clock.mono + WAIT
    return client.ask(dict.fromkeys(client.gpus(until), ASK), until, events=events)


def hung(stub: Stub, client: Client) -> Hung:
    """Ask again and again until the driver is taken to hang."""
    for _ in range(400):
        try:
            ask(stub, client)
        except NotNow:
            continue
        except Hung as error:
            return error
    raise AssertionError("never found to hang")


def test_nothing_starts_before_it_is_asked() -> None:
    stub = Stub(fake.nvlink4_node(2, 1))
    client = stub.client()
    assert (client.known(), client.driver, stub.children) == ({}, "", [])
    assert sorted(client.gpus(stub.clock.mono + WAIT)) == [0, 1]
    assert client.driver == "580.105.08"
    assert client.known()[1].address == fake.gpu_address(1)


def test_an_answer_and_a_plan_that_is_sent_once() -> None:
    stub = Stub(fake.nvlink4_node(2, 1))
    client = stub.client()
    answer = ask(stub, client)
    assert answer.gpus[1].plans[0].bits == [1, 26562]
    assert answer.gpus[1].calls["temperature"].value == 34
    ask(stub, client)
    other = Plan("p", PLAN.pairs[:1])
    for plan in (other, PLAN, PLAN):
        client.ask({0: Ask((plan,))}, stub.clock.mono + WAIT)
    sent = [request["plans"] for request in stub.children[0].requests]
    assert [sorted(plans) for plans in sent] == [["0.p", "1.p"], [], ["0.p"], ["0.p"], []]


def test_a_start_that_takes_longer_than_a_sample_is_waited_for_by_the_next_ones() -> None:
    stub = Stub(fake.nvlink4_node(1, 1), hello_after=3 * SECOND)
    client = stub.client()
    for _ in range(5):
        with pytest.raises(NotNow, match="starting"):
            ask(stub, client)
    ask(stub, client)
    assert len(stub.children) == 1


def test_an_answer_that_comes_too_late_is_dropped_and_its_events_are_not() -> None:
    stub = Stub(fake.nvlink4_node(1, 1))
    client = stub.client()
    ask(stub, client)
    stub.slow = SECOND
    stub.node.line("xid 0 79")
    with pytest.raises(NotNow, match="busy"):
        ask(stub, client, events=True)
    stub.slow = 0
    stub.node.line("xid 0 63")
    assert ask(stub, client).xids == []
    assert [(number, xid.xid) for number, xid in ask(stub, client, events=True).xids] == [(0, 79), (0, 63)]
    assert not stub.children[0].killed


def test_a_driver_that_hangs_is_killed_once_it_had_its_time_and_the_others_are_seen_again() -> None:
    stub = Stub(fake.nvlink4_node(3, 1))
    client = stub.client(hang_seconds=2)
    ask(stub, client)
    stub.node.line("hang 1")
    began = stub.clock.mono
    error = hung(stub, client)
    assert (error.number, "has not answered for 2 s in a call about GPU 1" in str(error)) == (1, True)
    assert 2 * SECOND <= stub.clock.mono - began <= 3 * SECOND
    assert stub.children[0].killed
    with pytest.raises(Hung):
        ask(stub, client)
    stub.clock.advance(1)
    answer = ask(stub, client)
    assert (sorted(answer.gpus), answer.avoided) == ([0, 2], frozenset({1}))
    assert len(stub.children) == 2


def test_a_gpu_that_hung_is_tried_again_after_longer_and_longer_pauses() -> None:
    stub = Stub(fake.nvlink4_node(2, 1))
    client = stub.client(hang_seconds=2)
    ask(stub, client)
    stub.node.line("hang 1")
    hung(stub, client)
    stub.clock.advance(AVOID_NS[0] / SECOND)
    hung(stub, client)
    stub.clock.advance(AVOID_NS[0] / SECOND)
    assert ask(stub, client).avoided == {1}
    stub.node.without("hang")
    stub.clock.advance((AVOID_NS[1] - AVOID_NS[0]) / SECOND)
    answer = ask(stub, client)
    assert (sorted(answer.gpus), answer.avoided) == ([0, 1], frozenset())


def test_no_second_child_while_the_first_cannot_be_reaped() -> None:
    stub = Stub(fake.nvlink4_node(2, 1), unkillable=True)
    client = stub.client(hang_seconds=2)
    ask(stub, client)
    stub.node.line("hang 0")
    hung(stub, client)
    stub.node.without("hang")
    for _ in range(100):
        stub.clock.advance(10)
        with pytest.raises(Hung):
            ask(stub, client)
    assert len(stub.children) == 1
    stub.unkillable = False
    stub.clock.advance(60)
    ask(stub, client)
    assert len(stub.children) == 2


def until_killed(stub: Stub, client: Client) -> None:
    child = stub.children[-1]
    while not child.killed:
        stub.clock.advance(1)
        hung(stub, client)


def test_a_gpu_that_hangs_while_it_is_opened_is_told_and_then_left_out_of_the_next_start() -> None:
    stub = Stub(fake.nvlink4_node(3, 1).line("hang 2"))
    client = stub.client()
    began = stub.clock.mono
    error = hung(stub, client)
    assert (error.number, stub.clock.mono - began, stub.children[0].killed) == (2, LATE_NS, False)
    assert str(error) == "NVML does not open: the NVIDIA driver has not answered for 10 s in a call about GPU 2"
    until_killed(stub, client)
    assert stub.clock.mono - began == OPEN_GPU_NS
    stub.clock.advance(1)
    answer = ask(stub, client)
    assert (sorted(answer.gpus), answer.avoided) == ([0, 1], frozenset({2}))
    assert client.known()[2].code == 0
    stub.node.without("hang")
    stub.clock.advance(AVOID_NS[0] / SECOND)
    assert sorted(ask(stub, client).gpus) == [0, 1, 2]


def test_nvml_that_hangs_while_it_starts_is_in_no_gpu() -> None:
    stub = Stub(fake.nvlink4_node(2, 1).line("hang init"))
    client = stub.client()
    began = stub.clock.mono
    error = hung(stub, client)
    assert error.number is None
    assert str(error) == "NVML does not open: the NVIDIA driver has not answered for 10 s"
    assert (stub.clock.mono - began, stub.children[0].killed) == (LATE_NS, False)
    until_killed(stub, client)
    assert stub.clock.mono - began == OPEN_NS
    # It stays so, also while the next child has not been given its time, until NVML has opened.
    for _ in range(3):
        stub.clock.advance(1)
        with pytest.raises(Hung):
            ask(stub, client)
    assert len(stub.children) == 2
    stub.node.without("hang")
    stub.clock.advance(OPEN_NS / SECOND)
    with pytest.raises(Hung):
        ask(stub, client)
    stub.clock.advance(PAUSES_NS[-1] / SECOND)
    assert sorted(ask(stub, client).gpus) == [0, 1]


def test_a_host_of_many_gpus_has_longer_to_start() -> None:
    stub = Stub(fake.nvlink4_node(8, 1).line("hang init"))
    client = Client(stub.start, stub.clock, expected=lambda: 8)
    began = stub.clock.mono
    hung(stub, client)
    assert stub.clock.mono - began == LATE_NS + 8 * LATE_PER_GPU_NS


def test_a_late_start_that_opens_after_all_is_used() -> None:
    stub = Stub(fake.nvlink4_node(1, 1), hello_after=15 * SECOND)
    client = stub.client()
    hung(stub, client)
    stub.clock.advance(5)
    assert sorted(ask(stub, client).gpus) == [0]
    assert len(stub.children) == 1
    # What was late is over: a slow answer is no hang.
    stub.slow = SECOND
    with pytest.raises(NotNow):
        ask(stub, client)


def test_a_sampler_that_waits_for_another_ones_start_hears_that_it_is_late() -> None:
    stub = Stub(fake.nvlink4_node(1, 1).line("hang init"))
    client = stub.client()
    hung(stub, client)
    with client._lock, pytest.raises(Hung, match="does not open"):
        client.ask({0: ASK}, stub.clock.mono)


def test_an_nvml_that_lists_nothing_is_opened_again() -> None:
    stub = Stub(fake.Node(0))
    client = stub.client()
    assert ask(stub, client).gpus == {}
    stub.node = fake.nvlink4_node(2, 1)
    stub.clock.advance(31)
    assert sorted(ask(stub, client).gpus) == [0, 1]


def test_a_child_that_ends_is_replaced_after_a_pause_that_grows() -> None:
    stub = Stub(fake.nvlink4_node(1, 1))
    client = stub.client()
    ask(stub, client)
    stub.children[-1].crash()
    with pytest.raises(NvmlError, match="ended: it crashed"):
        ask(stub, client)
    for pause, children in ((0.5, 1), (0.6, 2)):
        stub.clock.advance(pause)
        try:
            ask(stub, client)
        except NvmlError as error:
            assert "ended" in str(error)
        assert len(stub.children) == children


def test_pauses_grow_while_it_goes_on_failing_and_begin_anew_after_a_success() -> None:
    stub = Stub(fake.nvlink4_node(1, 1), fails=OSError("no memory"))
    client = stub.client()
    starts = 0

    def failing_start(_skip: object) -> object:
        nonlocal starts
        starts += 1
        raise OSError("no memory")

    client._start = failing_start  # type: ignore[assignment]
    for _ in range(300):
        with pytest.raises(NvmlError, match="cannot be started: no memory"):
            ask(stub, client)
        stub.clock.advance(1)
    # At 0, 1, 3, 8, 18, 48 s, then every 60.
    assert starts == 10


def test_nvml_that_refuses_says_why_and_what_to_do() -> None:
    stub = Stub(fake.nvlink4_node(1, 1).line("init 9"))
    with pytest.raises(NvmlError, match=r"DRIVER_NOT_LOADED; can this process open /dev/nvidiactl"):
        ask(stub, stub.client())


@pytest.mark.parametrize(
    "document", [b"nonsense", b'{"id": "x"}', b'{"id": 1, "gpus": [{"index": 9}]}', b'{"id": 2, "error": "boom"}']
)
def test_a_reply_that_is_none_ends_the_child(document: bytes) -> None:
    stub = Stub(fake.nvlink4_node(1, 1))
    client = stub.client()
    ask(stub, client)
    stub.children[0].say(document)
    with pytest.raises(NvmlError):
        ask(stub, client)
    assert stub.children[0].killed


def test_a_lost_gpu_leaves_the_others_and_nvml_is_opened_again_to_see_whether_it_is_back() -> None:
    stub = Stub(fake.nvlink4_node(3, 1))
    client = stub.client()
    ask(stub, client)
    stub.node.line("gone 1 15")
    answer = ask(stub, client)
    assert {number: said.code for number, said in answer.gpus.items()} == {0: 0, 1: 15, 2: 0}
    stub.clock.advance(29)
    ask(stub, client)
    assert len(stub.children) == 1
    stub.node.without("gone")
    stub.clock.advance(2)
    answer = ask(stub, client)
    assert {number: said.code for number, said in answer.gpus.items()} == {0: 0, 1: 0, 2: 0}
    assert (stub.children[0].released, stub.children[0].killed, len(stub.children)) == (True, False, 2)


def test_a_gpu_that_nvml_no_longer_lists_keeps_its_number_and_is_not_asked() -> None:
    stub = Stub(fake.nvlink4_node(3, 1))
    client = stub.client()
    ask(stub, client)
    stub.node.line("gone 1 15")
    ask(stub, client)
    # After a start NVML counts only those that are there.
    stub.node = fake.nvlink4_node(2, 1).call(1, "address", "00000000:37:00.0")
    stub.clock.advance(31)
    answer = ask(stub, client)
    assert sorted(answer.gpus) == [0, 2]
    assert client.known()[1].nvml_index is None
    assert client.known()[2].nvml_index == 1


def test_samplers_take_turns_and_do_not_wait_for_ever() -> None:
    stub = Stub(fake.nvlink4_node(1, 1))
    client = stub.client()
    ask(stub, client)
    client._lock.acquire()
    failures: list[BaseException] = []

    def other() -> None:
        try:
            client.ask({0: ASK}, stub.clock.mono)
        except NvmlError as error:
            failures.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(10)
    client._lock.release()
    assert [str(error) for error in failures] == ["NVML is busy with another sampler's request"]


def test_close_ends_the_child_and_a_later_ask_starts_one() -> None:
    stub = Stub(fake.nvlink4_node(1, 1))
    client = stub.client()
    client.close()
    ask(stub, client)
    client.close()
    assert stub.children[0].released
    ask(stub, client)
    assert len(stub.children) == 2
