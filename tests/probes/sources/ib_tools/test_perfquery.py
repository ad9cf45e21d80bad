from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.ib_tools import perfquery
from probes.sources.ib_tools.perfquery import Capabilities, Count, PerfqueryError, parse
from probes.sources.ib_tools.runner import Outcome
from tests.fixtures.ib_tools import EXTENDED, EXTENDED_ERRORS, block

ALL = dict.fromkeys(perfquery.COUNTERS, 5)
ERRORS = set(perfquery.CLASSIC_BITS) - set(perfquery.DATA)
FRAGMENTS = (
    *("# Port extended counters: Lid 3 port 1 (CapMask: 0x1300 CapMask2: 0x0000002)", "# Port counters: Lid 3 port 1"),
    *("# Port counters: Lid 3 port 2 (CapMask: 0x9200)", "PortSelect:......................1", "PortXmitData:....1"),
    *("LinkDownedCounter:..99999", "PortXmitData:....99999999999999999999", "PortRcvData:....٣", "VL15Dropped:0", "\0"),
)


def names(text: str) -> set[str]:
    (one,) = parse(text)
    return set(one.counts)


def test_the_extended_set() -> None:
    (one,) = parse(block(3, 1, {"PortXmitData": 2**63, "PortUnicastXmitPkts": 7}, extended=True))
    assert (one.lid, one.port, one.extended) == (3, 1, True)
    assert one.counts == {"PortXmitData": Count(2**63, False), "PortUnicastXmitPkts": Count(7, False)}


@pytest.mark.parametrize(("name", "bits"), perfquery.CLASSIC_BITS.items())
def test_classic_counters_are_full_at_their_ceiling(name: str, bits: int) -> None:
    for value, full in (((1 << bits) - 2, False), ((1 << bits) - 1, True)):
        (one,) = parse(block(3, 1, {name: value}, extended=False, mask=0x9200))
        # What the extended set has is read there; a classic block may still hold it.
        assert one.counts[name] == Count(value, full)


def test_what_an_agent_has_not_is_not_a_zero() -> None:
    # The tool prints every field of the format, whatever the agent has.
    assert names(block(3, 1, ALL, extended=True, mask=EXTENDED)) == {*perfquery.DATA, *perfquery.CAST}
    assert names(block(3, 1, ALL, extended=True, mask=0x1400)) == set(perfquery.DATA), "no unicast and multicast"
    assert names(block(3, 1, ALL, extended=True, mask=0x1200, mask2=EXTENDED_ERRORS)) == set(ALL) - {"QP1Dropped"}
    assert names(block(3, 1, ALL, extended=True, mask=0x9200, mask2=EXTENDED_ERRORS)) == set(ALL)
    assert names(block(3, 1, ALL, extended=True, mask=0, mask2=EXTENDED_ERRORS)) == set()
    assert names(block(3, 1, ALL, extended=False, mask=0)) == (
        set(perfquery.CLASSIC_BITS) - {"PortXmitWait", "QP1Dropped"}
    )
    assert names(block(3, 1, ALL, extended=False, mask=0x9000)) == set(perfquery.CLASSIC_BITS)


def test_what_the_masks_say() -> None:
    assert not Capabilities(0x1000, 0).extended
    assert Capabilities(0x0200, 0).extended
    assert Capabilities(0x0400, 0).extended
    assert not Capabilities(0x0200, 0).extended_errors
    assert Capabilities(0x0200, 2).extended_errors
    assert not Capabilities(0, 2).extended_errors
    assert Capabilities(0x1700, 2).classic() == Capabilities(0x1100, 0)


def test_many_ports_in_one_answer() -> None:
    text = "".join(block(3, port, {"PortRcvData": port}, extended=True) for port in (1, 2, 36))
    assert [(one.port, one.counts["PortRcvData"].value) for one in parse(text)] == [(1, 1), (2, 2), (36, 36)]


def test_a_number_that_was_cut_off_is_none() -> None:
    text = block(3, 1, {"PortXmitData": 123456}, extended=True)
    cut = text[: text.index("123456") + 3]
    (one,) = parse(cut)
    assert one.counts == {}


def test_lines_around_the_blocks_are_passed_over() -> None:
    text = "ibwarn: [1] main: something\nPortXmitData:....5\n\n" + block(3, 1, {"PortXmitData": 1}, extended=True)
    assert [one.counts["PortXmitData"].value for one in parse(text + "\nPort Something:...1\n")] == [1]


def test_a_header_of_a_tool_that_does_not_know_the_second_mask() -> None:
    text = block(3, 1, {"PortXmitData": 1}, extended=True).replace(" CapMask2: 0x0000000", "")
    (one,) = parse(text)
    assert one.capabilities == Capabilities(EXTENDED, 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (block(3, 1, {"PortXmitData": 2**64}, extended=True), "PortXmitData of more than 64 bits"),
        (block(3, 1, {"PortXmitData": 1}, extended=True) + "PortXmitData:....2\n", "PortXmitData twice"),
        (block(3, 1, {"PortSelect": 255}, extended=True), "port 255 in the block of port 1"),
        ("".join(block(3, port % 255, {}, extended=True) for port in range(300)), "more than 254 ports"),
    ],
)
def test_answers_that_cannot_be(text: str, reason: str) -> None:
    with pytest.raises(PerfqueryError, match=reason):
        parse(text)


def test_how_the_tool_is_called() -> None:
    command = perfquery.command("perfquery", ["-P", "1"], 7, [1, 33], 10, extended=True)
    assert command.words == ("perfquery", "-e", "-x", "-l", "-P", "1", "7", "1,33")
    command = perfquery.command("perfquery", [], 7, [1], 10, extended=False)
    assert command.words == ("perfquery", "-e", "-l", "7", "1")


@pytest.mark.parametrize(
    ("output", "said", "refused"),
    [
        ("failed: perfextquery", "MAD completed with error status 0xc; dport (Lid 1)", True),
        ("failed: perfextquery", "MAD completed with error status 0x8; dport (Lid 1)", True),
        ("failed: perfextquery", "MAD completed with error status 0x1c; dport (Lid 1)", False),
        ("failed: perfextquery", "_do_madrpc failed; dport (Lid 1)", False),
        ("failed: classportinfo query", "MAD completed with error status 0xc; dport (Lid 1)", False),
    ],
)
def test_an_agent_that_refuses_the_extended_set(output: str, said: str, refused: bool) -> None:
    outcome = Outcome(f"perfquery: iberror: {output}\n", f"ended with 255: ibwarn: [7] mad_rpc: {said}")
    assert perfquery.refuses_extended(outcome) is refused


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("\n".join)))
def test_any_text_gives_counts_or_a_typed_error(text: str) -> None:
    try:
        blocks = parse(text)
    except PerfqueryError:
        return
    for one in blocks:
        assert one.lid <= 99999
        assert set(one.counts) <= set(perfquery.COUNTERS)
        assert all(0 <= count.value < 1 << 64 for count in one.counts.values())
