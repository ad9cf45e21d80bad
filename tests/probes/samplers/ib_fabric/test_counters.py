from __future__ import annotations

from collections.abc import Mapping, Sequence

from probes.samplers.ib_fabric.counters import CounterReader, Node
from probes.sources.ib_tools import perfquery
from probes.sources.ib_tools.discover import End
from probes.sources.ib_tools.perfquery import Count
from probes.sources.ib_tools.runner import Command, Outcome
from tests.fixtures.ib_tools import EXTENDED_ERRORS, WrittenTools, block

Sets = dict[tuple[int, int, bool], str | Outcome]
A, B = Node("0xa", 1, (1, 2, 3)), Node("0xb", 2, (1, 2))
FAILED = "/usr/sbin/perfquery: iberror: failed: perfextquery\n"
REFUSED = "ended with 255: ibwarn: [7] mad_rpc: MAD completed with error status 0xc; dport (Lid 1)"
LOST = "ended with 255: ibwarn: [7] mad_rpc: _do_madrpc failed; dport (Lid 1)"


def ask(lid: int, ports: Sequence[int], extended: bool) -> Command:
    return perfquery.command("perfquery", [], lid, ports, 10, extended=extended)


def modern(node: Node, counts: Mapping[str, int]) -> Sets:
    """A node all of whose counters have 64 bits."""
    return {
        (node.lid, port, True): block(node.lid, port, counts, extended=True, mask2=EXTENDED_ERRORS)
        for port in node.ports
    }


def usual(node: Node, data: int = 10, errors: int = 1) -> Sets:
    """A node with 64 bits for bytes alone."""
    sets: Sets = {}
    for port in node.ports:
        sets[node.lid, port, True] = block(
            node.lid, port, {"PortXmitData": data, "LinkDownedCounter": 0}, extended=True
        )
        classic = {"LinkDownedCounter": errors, "PortXmitData": 4}
        sets[node.lid, port, False] = block(node.lid, port, classic, extended=False)
    return sets


def reader(sets: Sets) -> tuple[CounterReader, WrittenTools]:
    tools = WrittenTools([""], sets)
    return CounterReader(tools, ask), tools


def test_a_node_with_64_bits_for_all_is_asked_once_a_round() -> None:
    read, tools = reader(modern(A, {"PortXmitData": 9, "LinkDownedCounter": 300}))
    got = read.read([A])
    assert got.counts[End("0xa", 2)] == {"PortXmitData": Count(9, False), "LinkDownedCounter": Count(300, False)}
    assert (got.failures, got.waiting) == ({}, frozenset())
    read.read([A])
    assert tools.asked() == [(1, [1, 2, 3], True)] * 2


def test_other_nodes_are_asked_for_both_sets() -> None:
    read, tools = reader(usual(A, errors=255))
    got = read.read([A])
    assert got.counts[End("0xa", 1)] == {"PortXmitData": Count(10, False), "LinkDownedCounter": Count(255, True)}
    assert tools.asked() == [(1, [1, 2, 3], True), (1, [1, 2, 3], False)]


def test_a_node_without_the_extended_set_is_asked_for_it_once() -> None:
    sets: Sets = {
        (1, port, False): block(1, port, {"PortXmitData": 2**32 - 1}, extended=False, mask=0) for port in A.ports
    }
    sets |= {(1, port, True): block(1, port, {"PortXmitData": 0}, extended=True, mask=0) for port in A.ports}
    read, tools = reader(sets)
    assert read.read([A]).counts[End("0xa", 1)] == {"PortXmitData": Count(2**32 - 1, True)}
    read.read([A])
    assert [extended for _, _, extended in tools.asked()] == [True, False, False]


def test_a_node_that_refuses_the_extended_set() -> None:
    sets: Sets = {(1, port, False): block(1, port, {"PortXmitData": 5}, extended=False) for port in A.ports}
    sets[1, 1, True] = Outcome(FAILED, REFUSED)
    read, tools = reader(sets)
    got = read.read([A])
    assert (got.counts[End("0xa", 1)]["PortXmitData"], got.failures) == (Count(5, False), {})
    read.read([A])
    # Its classic answers have the bit of the extended set in their mask all the same.
    assert [extended for _, _, extended in tools.asked()] == [True, False, False]


def test_an_answer_that_was_lost_does_not_make_a_node_narrow() -> None:
    sets = usual(A)
    read, tools = reader(sets)
    tools.sets[1, 1, True] = Outcome(FAILED, LOST)
    got = read.read([A])
    assert got.failures == {"0xa": LOST}
    assert set(got.counts[End("0xa", 1)].values()) == {None}
    tools.sets = sets
    assert read.read([A]).counts[End("0xa", 1)]["PortXmitData"] == Count(10, False)


def test_what_was_there_and_is_not_read_is_missed() -> None:
    read, tools = reader(usual(A))
    read.read([A])
    tools.sets.clear()
    got = read.read([A])
    assert got.counts[End("0xa", 1)] == {"PortXmitData": None, "LinkDownedCounter": None}
    assert list(got.failures) == ["0xa"]
    assert got.worse
    assert not read.read([A]).worse, "told once"


def test_a_node_that_never_answered_misses_what_every_node_has() -> None:
    read, _ = reader({})
    got = read.read([A])
    assert set(got.counts[End("0xa", 3)]) == set(perfquery.DATA)
    assert not got.worse


def test_one_port_that_does_not_answer_costs_the_others_nothing() -> None:
    sets = usual(A)
    del sets[1, 1, True]
    read, tools = reader(sets)
    read.read([A])
    got = read.read([A])
    assert got.counts[End("0xa", 1)] == {"PortXmitData": None, "LinkDownedCounter": None}
    assert got.counts[End("0xa", 3)] == {"PortXmitData": Count(10, False), "LinkDownedCounter": Count(1, False)}
    assert tools.asked() == [(1, [1, 2, 3], True), (1, [2, 3, 1], True), (1, [2, 3], False)]
    tools.sets = usual(A)
    read.read([A])
    assert tools.asked()[-2:] == [(1, [2, 3, 1], True), (1, [1, 2, 3], False)]


def test_an_answer_about_something_else() -> None:
    sets = usual(A) | {(1, 1, True): block(7, 1, {"PortXmitData": 5}, extended=True)}
    read, _ = reader(sets)
    assert read.read([A]).failures == {"0xa": "asked for LID 1, told of LID 7 port 1"}


def test_an_answer_that_is_none() -> None:
    read, _ = reader({(1, port, True): "PortXmitData:....1\n" for port in A.ports})
    assert read.read([A]).failures == {"0xa": "no counters of 3 ports"}


def test_a_node_without_a_lid_is_not_asked() -> None:
    read, tools = reader({})
    assert read.read([A._replace(lid=0)]).failures == {"0xa": "no LID"}
    assert tools.asked() == []


def test_who_was_left_over_is_asked_first() -> None:
    read, tools = reader(modern(A, {"PortXmitData": 1}) | modern(B, {"PortXmitData": 2}))
    tools.room = 1
    got = read.read([A, B])
    assert got.waiting == {"0xb"}
    assert got.counts[End("0xb", 1)] == dict.fromkeys(perfquery.DATA)
    tools.room = 1
    got = read.read([A, B])
    assert got.waiting == {"0xa"}
    assert got.counts[End("0xb", 1)] == {"PortXmitData": Count(2, False)}
    assert not got.worse, "not asked is not out of order"


def test_a_link_that_went_down_between_two_rounds() -> None:
    read, tools = reader(usual(A, errors=1))
    assert not read.read([A]).worse
    tools.sets = usual(A, errors=2)
    assert read.read([A]).worse
    assert not read.read([A]).worse
    tools.sets = usual(A, errors=0)
    assert not read.read([A]).worse, "a counter that was cleared"


def test_a_node_that_is_gone_is_forgotten() -> None:
    read, tools = reader(modern(A, {"PortXmitData": 1}) | modern(B, {"PortXmitData": 2}))
    read.read([A, B])
    assert set(read.read([B]).counts) == {End("0xb", 1), End("0xb", 2)}
    assert read.read([]).counts == {}
    assert tools.asked()[-1] == (2, [1, 2], True)
