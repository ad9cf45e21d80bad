from __future__ import annotations

from typing import Any

from fabricscope.flow import JoinedBy
from probes.flows.report import SHOWN, as_text
from probes.flows.summary import Summary
from tests.fixtures.books import books
from tests.fixtures.flows import flow, key, rdma
from tests.probes.made import at, event

ENDS = key(source_queue_pair=17, destination_queue_pair=18)
CAPTURE = {"filtered": 5, "dropped": 6, "notices": ["a.pcap: ends in the middle of a packet"]}


def told(*flows: Any, **changes: Any) -> str:
    summary = Summary()
    summary.add(flows)
    summary.add_events([event(at(0))])
    return as_text(summary.document(books(**changes), CAPTURE))


def test_what_is_not_counted_is_told_first_and_why() -> None:
    lines = told(flow()).splitlines()
    assert lines[:10] == [
        "100 packets, 12.3 kB, 1.0 s, 1 flow records",
        "  from 2065-01-24 05:20:00 UTC on",
        "  5 packets filtered",
        "  6 packets lost before the capture was written",
        "  3 packets in flows that were left out in a flood",
        "  4 packets undecodable: truncated",
        "  7 packets of erspan2 session 7 from 10.0.0.9 never came: 50.00% of it is seen",
        "  a.pcap: ends in the middle of a packet",
        "",
        "TCP: 1 records, 21 segments sent again, 25 out of order, 27 zero windows, 31 resets",
    ]
    assert "Pause frames from 02:00:00:00:00:01: 3 for priority 3, 1 for priority all" in lines
    assert "warning: a is down" in lines


def test_rdma_is_summed_up_before_its_connections() -> None:
    text = told(flow(key=ENDS, rdma=rdma(joined_by=JoinedBy.NOTHING), tcp=None))
    forward, reverse = rdma().forward, rdma().reverse
    assert f"  {forward.lost + reverse.lost} packets lost in the fabric" in text
    assert f"  {forward.unseen + reverse.unseen} packets that arrived are not here: the capture lost them" in text
    assert "  1 records show one way alone" in text
    assert "10.0.0.1/17 > 10.0.0.2/18" in text
    assert "unseen: by this capture alone" in text


def test_what_is_not_there_has_no_table() -> None:
    text = as_text(Summary().document(books(undecodable={}, mirrors=[], pauses={}), {}))
    assert text == "100 packets, 12.3 kB, 0.000 ms, 0 flow records\n  3 packets in flows that were left out in a flood"


def test_what_nothing_matched_has_a_name() -> None:
    text = told(flow(label="", behaviour=""))
    assert "(not recognised)" in text
    assert "(of no class)" in text


def test_long_tables_are_cut_and_say_so() -> None:
    assert "... and 3 more; --json shows all" in told(*(flow(label=f"app{number}") for number in range(SHOWN + 3)))


def test_names_move_no_cursor() -> None:
    assert "\x1b" not in told(flow(label="\x1b[2J"))


def test_sizes_and_times_have_units() -> None:
    assert told(flow()).startswith("100 packets, 12.3 kB")
    assert told(flow(end_ns=flow().record.start_ns + 2_500_000)).splitlines()[0].endswith("2.500 ms, 1 flow records")
