from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from fabricscope.flow import JoinedBy
from fabricscope.model import Severity
from probes.flows import summary as module
from probes.flows.summary import Summary
from tests.fixtures.books import books
from tests.fixtures.flows import SECOND, START, flow, key, rdma
from tests.probes.made import at, event

CAPTURE = {"files": ["a.pcap"], "filtered": 5, "dropped": None, "notices": ["a.pcap: ends in the middle of a packet"]}
ENDS = key(source_queue_pair=17, destination_queue_pair=18)


def document(summary: Summary) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(summary.document(books(), CAPTURE)))
    return made


def test_everything_is_in_the_document() -> None:
    summary = Summary()
    summary.add(
        [flow(), flow(label="", behaviour=""), flow(end_ns=START + 5 * SECOND, key=ENDS, rdma=rdma(), tcp=None)]
    )
    summary.add([flow(key=ENDS, rdma=rdma(), tcp=None)])
    shown = document(summary)
    assert (shown["records"], shown["start_unix_ns"], shown["seconds"]) == (4, START, 5.0)
    assert shown["labels"] == [
        {"label": "tls", "records": 3, "packets": 90, "octets": 9000},
        {"label": "", "records": 1, "packets": 30, "octets": 3000},
    ]
    assert shown["behaviours"][0] == {"behaviour": "elephant", "records": 3, "packets": 90, "octets": 9000}
    (connection,) = shown["connections"]
    assert (connection["source"], connection["source_qp"], connection["destination_qp"]) == ("10.0.0.1", 17, 18)
    lost = 2 * (rdma().forward.lost + rdma().reverse.lost)
    assert connection["lost_packets"] == shown["rdma"]["lost_packets"] == lost
    assert (shown["rdma"]["connections"], shown["rdma"]["one_way"]) == (1, 0)
    assert shown["tcp"] == {
        "records": 2,
        "retransmissions": 2 * 21,
        "out_of_order": 2 * 25,
        "zero_windows": 2 * 27,
        "resets": 2 * 31,
    }
    assert shown["books"]["counted"]["packets"] == 93


def test_mirrors_are_named_as_people_write_them() -> None:
    (first, _) = document(Summary())["books"]["mirrors"]
    assert (first["source"], first["tunnel"], first["tunnel_id"]) == ("10.0.0.9", "erspan2", 7)


def test_connections_of_which_one_way_was_seen_are_counted() -> None:
    summary = Summary()
    summary.add([flow(key=ENDS, rdma=rdma(joined_by=JoinedBy.NOTHING), tcp=None)])
    assert document(summary)["rdma"]["one_way"] == 1


def test_connections_are_bounded_and_those_in_trouble_come_first() -> None:
    summary = Summary()
    quiet = structs.replace(rdma().forward, lost=0, naks=[], rnr_naks=0, cnps=0)
    for number in range(3):
        ends = key(source_queue_pair=number + 1, destination_queue_pair=5)
        summary.add([flow(key=ends, rdma=rdma(forward=quiet, reverse=quiet) if number else rdma(), tcp=None)])
    assert [row["source_qp"] for row in document(summary)["connections"]] == [1, 2, 3]


def test_what_policies_tell_is_kept_up_to_a_bound() -> None:
    summary = Summary()
    summary.add_events([event(at(0))] * (module.MAX_EVENTS + 1))
    shown = document(summary)["events"]
    assert len(shown) == module.MAX_EVENTS
    assert shown[0] == {"severity": Severity.WARNING.name.lower(), "message": "a is down"}


def test_a_capture_of_nothing_is_one() -> None:
    shown = document(Summary())
    assert (shown["records"], shown["seconds"], shown["connections"]) == (0, 0.0, [])
