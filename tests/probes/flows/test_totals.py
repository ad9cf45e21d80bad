from __future__ import annotations

from msgspec import structs

from fabricscope.flow import Flow, RdmaWay
from probes.flows import metrics
from probes.flows.totals import Totals
from tests.fixtures.flows import flow, key, rdma


def shown(totals: Totals) -> dict[tuple[str, ...], int | float | None]:
    return {(row.spec.name.removeprefix("fabricscope_flows_"), *row.labels): row.value for row in totals.readings()}


def added(*flows: Flow) -> dict[tuple[str, ...], int | float | None]:
    totals = Totals("mirror0")
    for one in flows:
        totals.add(one)
    return shown(totals)


def test_records_are_counted_by_class_behaviour_and_pair() -> None:
    back = key(source=b"\x0a\0\0\2", destination=b"\x0a\0\0\1")
    values = added(flow(), flow(label="", key=back), flow(behaviour=""))
    assert values["class_records_total", "mirror0", "tls"] == 2
    assert values["class_bytes_total", "mirror0", "tls"] == 6000
    assert values["class_packets_total", "mirror0", "none"] == 30
    assert values["behaviour_records_total", "mirror0", "elephant"] == 2
    assert values["behaviour_bytes_total", "mirror0", "none"] == 3000
    assert values["pair_bytes_total", "mirror0", "10.0.0.1", "10.0.0.2"] == 9000, "whoever began"
    assert values["pair_retransmissions_total", "mirror0", "10.0.0.1", "10.0.0.2"] == 3 * 21
    assert values["pair_bytes_total", "mirror0", "other", "other"] == 0


def test_a_sampled_record_stands_for_those_that_were_left_out() -> None:
    assert added(flow(sampling=4))["class_bytes_total", "mirror0", "tls"] == 4 * 3000


def test_connections_of_queue_pairs_have_their_loss() -> None:
    ends = key(source_queue_pair=17, destination_queue_pair=18)
    values = added(flow(key=ends, rdma=rdma(), tcp=None))
    where = ("mirror0", "10.0.0.1", "17", "10.0.0.2", "18")
    forward, reverse = rdma().forward, rdma().reverse
    assert values["rdma_lost_packets_total", *where] == forward.lost + reverse.lost
    assert values["rdma_unseen_packets_total", *where] == forward.unseen + reverse.unseen
    assert values["rdma_naks_total", *where] == 10
    assert values["rdma_cnps_total", *where] == forward.cnps + reverse.cnps
    assert values["rdma_goodput_bytes_total", *where] == forward.fresh_octets + reverse.fresh_octets
    assert values["rdma_ecn_marked_packets_total", *where] == 6


def test_series_are_bounded_and_the_rest_is_other() -> None:
    totals = Totals("mirror0", classes=2, pairs=3, connections=1)
    for number in range(20):
        ends = key(source=bytes([10, 0, 1, number]), source_queue_pair=number + 1, destination_queue_pair=5)
        totals.add(flow(label=f"app{number}", key=ends, rdma=rdma(), tcp=None))
    values = shown(totals)
    assert sum(name[0] == "class_bytes_total" for name in values) == 2 + 1
    assert sum(name[0] == "pair_bytes_total" for name in values) == 3 + 1
    assert sum(name[0] == "rdma_bytes_total" for name in values) == 1 + 1
    assert values["class_records_total", "mirror0", metrics.OTHER] == 18
    assert values["rdma_bytes_total", "mirror0", *(metrics.OTHER,) * 4] == 19 * 3000


def test_a_connection_in_trouble_is_shown_before_a_large_one() -> None:
    totals = Totals("mirror0", connections=1)
    quiet = rdma(forward=rdma_quiet(), reverse=rdma_quiet())
    totals.add(flow(key=key(source_queue_pair=1), rdma=quiet, tcp=None))
    totals.add(flow(key=key(source_queue_pair=2), rdma=rdma(), tcp=None))
    totals.turn()
    assert ("rdma_bytes_total", "mirror0", "10.0.0.1", "2", "10.0.0.2", "0") in shown(totals)


def rdma_quiet() -> RdmaWay:
    return structs.replace(rdma().forward, lost=0, naks=[], rnr_naks=0, cnps=0)


def test_every_series_is_in_the_table() -> None:
    specs = {row.spec for row in Totals("x").readings()}
    assert specs == {*metrics.CLASS, *metrics.BEHAVIOUR, *metrics.PAIR, *metrics.RDMA}
