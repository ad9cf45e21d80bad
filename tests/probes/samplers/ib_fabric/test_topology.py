from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.samplers.ib_fabric.topology import Links, Recabled, of_part
from probes.sources.ib_tools.discover import End, Port

HOUR = 3600 * 10**9


def port(number: int, remote: int = 1, guid: str = "0x1") -> Port:
    return Port(End(guid, number), "SW", 1, "leaf", 4, "EDR", End("0x2", remote), "SW", "spine")


def found(*ports: Port) -> dict[End, Port]:
    return {one.end: one for one in ports}


def seen(links: Links) -> dict[int, bool]:
    return {link.port.end.port: link.up for link in links}


def test_a_link_that_goes_is_remembered_and_forgotten() -> None:
    links = Links(10, HOUR)
    links.update(found(port(1), port(2)), 0)
    assert links.missing(found(port(1)))
    links.update(found(port(1)), 10)
    assert seen(links) == {1: True, 2: False}
    assert not links.missing(found(port(1))), "told once"
    links.update(found(port(1)), HOUR)
    assert seen(links) == {1: True, 2: False}
    links.update(found(port(1)), 10 + HOUR)
    assert seen(links) == {1: True}


def test_a_link_that_comes_back_is_there() -> None:
    links = Links(10, HOUR)
    links.update(found(port(1)), 0)
    links.update({}, 10)
    links.update(found(port(1)), 20)
    links.update({}, HOUR)
    links.update({}, HOUR + 30)
    assert seen(links) == {1: False}, "the time counts from when it went the last time"


def test_a_cable_that_leads_elsewhere() -> None:
    links = Links(10, HOUR)
    assert links.update(found(port(1), port(2)), 0) == []
    assert links.update(found(port(1, remote=9), port(2)), 1) == [Recabled(port(1), port(1, remote=9))]
    links.update({}, 2)
    assert links.update(found(port(1)), 3) == [Recabled(port(1, remote=9), port(1))], "also after it was gone"


def test_those_that_are_there_come_before_those_that_are_gone() -> None:
    links = Links(2, HOUR)
    links.update(found(port(1), port(2)), 0)
    links.update(found(port(3)), 5)
    assert seen(links) == {1: False, 3: True}
    links.update(found(port(3), port(4), port(5)), 6)
    assert seen(links) == {3: True, 4: True}
    assert links.left_out == 1


def test_a_link_beyond_the_bound_is_not_gone() -> None:
    links = Links(1, HOUR)
    links.update(found(port(2)), 0)
    links.update(found(port(1), port(2)), 1)
    assert seen(links) == {1: True}


@given(st.lists(st.frozensets(st.integers(1, 8), max_size=8), min_size=1, max_size=8), st.integers(1, 6))
def test_any_course_of_discoveries(course: list[frozenset[int]], most: int) -> None:
    links = Links(most, HOUR)
    for step, numbers in enumerate(course):
        links.update(found(*map(port, numbers)), step)
        shown = seen(links)
        assert len(shown) <= most
        assert {number for number, up in shown.items() if up} == set(sorted(numbers)[:most])
        assert links.left_out == max(len(numbers) - most, 0)
        assert list(shown) == sorted(shown)


@given(st.sets(st.integers(0, (1 << 64) - 1).map("0x{:016x}".format)), st.integers(1, 8))
def test_each_switch_is_in_one_part(guids: set[str], parts: int) -> None:
    split = [of_part(guids, part, parts) for part in range(1, parts + 1)]
    assert sorted(guid for part in split for guid in part) == sorted(guids)


def test_switches_numbered_in_steps_are_spread() -> None:
    guids = [f"0x{0x0002C90300000000 + number * 0x40:016x}" for number in range(1000)]
    sizes = [len(of_part(guids, part, 4)) for part in range(1, 5)]
    assert min(sizes) > 150
