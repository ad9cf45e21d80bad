from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import rdma_nldev as nldev
from probes.sources.netlink import MalformedError
from probes.sources.rdma_nldev import Counter, Device, QueuePair, Resources
from tests.fixtures import netlink_bytes as nl
from tests.fixtures import rdma_netlink_bytes as rdma

PARSERS: list[Callable[[memoryview], object]] = [
    *(nldev.parse_device, nldev.parse_resources, nldev.parse_queue_pairs),
    *(nldev.parse_counters, nldev.parse_statistics),
]


def test_a_device_and_its_number_of_ports() -> None:
    assert nldev.parse_device(memoryview(rdma.device(3, "mlx5_2", ports=2))) == Device(3, "mlx5_2", 2)
    assert nldev.parse_device(memoryview(nl.u32(1, 3))) is None


def test_how_much_a_device_has_of_what() -> None:
    body = rdma.summary(0, "mlx5_0", pd=3, qp=1 << 40)
    assert nldev.parse_resources(memoryview(body)) == Resources("mlx5_0", {"pd": 3, "qp": 1 << 40})


def test_queue_pairs_of_a_process_and_of_the_kernel() -> None:
    body = rdma.queue_pairs(
        0,
        "mlx5_0",
        rdma.queue_pair(0x1A2, pid=4242, remote=0x99),
        rdma.queue_pair(1, kind=1, kernel="ib_core"),
    )
    assert nldev.parse_queue_pairs(memoryview(body)) == [
        QueuePair(0x1A2, 1, "rc", "rts", 4242, "", 0x99, 77, 0),
        QueuePair(1, 1, "gsi", "rts", None, "ib_core", None, 77, None),
    ]


@pytest.mark.parametrize(
    ("pair", "kind", "state", "port"),
    [
        (rdma.queue_pair(5, rdma.UD, rdma.ERR), "ud", "err", 1),
        (rdma.queue_pair(5, rdma.DRIVER, rdma.INIT, subtype="DCI"), "dci", "init", 1),
        (rdma.queue_pair(5, rdma.DRIVER), "driver", "rts", 1),
        (rdma.queue_pair(5, 77, 99, port=None), "unknown", "unknown", None),
        (nl.u32(21, 5), "unknown", "unknown", None),
    ],
)
def test_types_and_states_in_words(pair: bytes, kind: str, state: str, port: int | None) -> None:
    (found,) = nldev.parse_queue_pairs(memoryview(rdma.queue_pairs(0, "mlx5_0", pair)))
    assert (found.kind, found.state, found.port) == (kind, state, port)


def test_counters_that_queue_pairs_are_bound_to() -> None:
    body = rdma.counters(
        0,
        "mlx5_0",
        rdma.counter(4, 2, 0x1A2, 0x1A3, out_of_sequence=7, np_cnp_sent=1 << 50),
        rdma.counter(5, 1, rule=nl.u8(26, rdma.RC) + nl.u32(28, 4242), cc_rx_ce_pkts=9),
    )
    assert nldev.parse_counters(memoryview(body)) == [
        Counter(4, 1, "manual", "", None, (0x1A2, 0x1A3), {"out_of_sequence": 7, "np_cnp_sent": 1 << 50}),
        Counter(5, 1, "auto", "rc", 4242, (), {"cc_rx_ce_pkts": 9}),
    ]


def test_the_statistics_of_a_port() -> None:
    body = rdma.device(0, "mlx5_0") + rdma.hwcounters(out_of_buffer=3, cc_tx_cnp_pkts=4)
    assert nldev.parse_statistics(memoryview(body)) == {"out_of_buffer": 3, "cc_tx_cnp_pkts": 4}


def test_a_device_that_says_nothing_has_nothing() -> None:
    body = memoryview(rdma.device(0, "mlx5_0"))
    assert not nldev.parse_queue_pairs(body)
    assert not nldev.parse_counters(body)
    assert nldev.parse_statistics(body) == nldev.parse_resources(body).counts == {}


@pytest.mark.parametrize(
    ("parse", "body", "why"),
    [
        (nldev.parse_queue_pairs, rdma.queue_pairs(0, "m", nl.u8(26, 2)), "queue pair without a number"),
        (nldev.parse_counters, rdma.counters(0, "m", nl.u32(74, 2)), "counter without a number"),
        (
            nldev.parse_resources,
            rdma.nested(15, rdma.nested(16, nl.u32(18, 1))),
            "attribute 18 has 4 bytes, expected 8",
        ),
        (nldev.parse_queue_pairs, rdma.nested(19, nl.attribute(20, b"", length=9)), "attribute 20 of length 9"),
        (nldev.parse_statistics, rdma.hwcounters(**{f"c{at}": 1 for at in range(600)}), "more than 512 entries"),
    ],
)
def test_what_is_malformed(parse: Callable[[memoryview], object], body: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        parse(memoryview(body))


@given(st.binary(max_size=200), st.sampled_from([0, 15, 19, 77, 80]), st.sampled_from([16, 20, 78, 81]))
def test_any_bytes_give_a_value_or_a_typed_error(junk: bytes, table: int, entry: int) -> None:
    for body in (junk, rdma.nested(table, rdma.nested(entry, junk))):
        for parse in PARSERS:
            try:
                parse(memoryview(body))
            except MalformedError:
                continue


@given(st.binary(max_size=120), st.integers(0, 400))
def test_a_good_answer_with_some_bytes_changed(junk: bytes, place: int) -> None:
    good = bytearray(rdma.counters(0, "m", rdma.counter(4, 2, 1, 2, a=7)))
    good[place : place + len(junk)] = junk
    try:
        counters = nldev.parse_counters(memoryview(bytes(good)))
    except MalformedError:
        return
    assert all(0 <= value < 1 << 64 for each in counters for value in each.statistics.values())
