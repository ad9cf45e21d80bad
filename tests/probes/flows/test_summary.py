from __future__ import annotations

import json
from typing import Any

from probes.flows.summary import SHOWN, Summary, as_text
from tests.fixtures.flows import SECOND, START, flow, key, rdma

NOTHING = {"packets": 0, "octets": 0}
BOOKS: dict[str, Any] = {
    "packets": {"packets": 100, "octets": 12_345},
    "counted": {"packets": 93, "octets": 12_000},
    "undecodable": {"truncated": {"packets": 4, "octets": 200}, "too-deep": NOTHING},
    "not_sampled": {"packets": 3, "octets": 145},
    "dropped": NOTHING,
    "mirrors": [{"id": 7, "visibility": 0.5}, {"id": 8, "visibility": 1.0}],
}
CAPTURE = {"files": ["a.pcap"], "filtered": 5, "dropped": None, "notices": ["a.pcap: ends in the middle of a packet"]}


def document() -> dict[str, Any]:
    summary = Summary()
    ends = key(source_queue_pair=17, destination_queue_pair=18)
    summary.add(
        [flow(), flow(label="", behaviour=""), flow(end_ns=START + 5 * SECOND, key=ends, rdma=rdma(), tcp=None)]
    )
    summary.add([flow(key=ends, rdma=rdma(), tcp=None)])
    return summary.document(BOOKS, CAPTURE)


def test_everything_is_in_the_document() -> None:
    shown = json.loads(json.dumps(document()))
    assert (shown["records"], shown["seconds"]) == (4, 5.0)
    assert shown["labels"] == [
        {"label": "tls", "records": 3, "packets": 90, "octets": 9000},
        {"label": "", "records": 1, "packets": 30, "octets": 3000},
    ]
    assert shown["behaviours"][0] == {"behaviour": "elephant", "records": 3, "packets": 90, "octets": 9000}
    (connection,) = shown["connections"]
    assert (connection["source"], connection["source_qp"], connection["destination_qp"]) == ("10.0.0.1", 17, 18)
    assert connection["lost_packets"] == 2 * (rdma().forward.lost + rdma().reverse.lost)
    assert shown["books"]["counted"]["packets"] == 93


def test_people_see_what_was_not_counted_and_why() -> None:
    text = as_text(document())
    assert text.startswith("100 packets, 12.3 kB, 5.000 s, 4 flow records\n")
    for line in (
        "  5 packets filtered",
        "  3 packets in flows that were left out in a flood",
        "  4 packets undecodable: truncated",
        "  a.pcap: ends in the middle of a packet",
        "  a mirror session (tunnel 7) shows 50.00% of its packets",
    ):
        assert line in text.splitlines()
    assert "too-deep" not in text
    assert "tunnel 8" not in text
    assert "10.0.0.1/17 > 10.0.0.2/18" in text


def test_long_tables_are_cut_and_say_so() -> None:
    summary = Summary()
    summary.add(flow(label=f"app{number}") for number in range(SHOWN + 3))
    assert "... and 3 more; --json shows all" in as_text(summary.document(BOOKS, CAPTURE))


def test_names_move_no_cursor() -> None:
    summary = Summary()
    summary.add([flow(label="\x1b[2J")])
    assert "\x1b" not in as_text(summary.document(BOOKS, CAPTURE))


def test_a_capture_of_nothing_is_one() -> None:
    shown = Summary().document(BOOKS, CAPTURE)
    assert (shown["records"], shown["seconds"]) == (0, 0.0)
    assert "0 flow records" in as_text(shown)
