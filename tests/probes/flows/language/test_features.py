from __future__ import annotations

import pytest
from msgspec import structs

from fabricscope.flow import JoinedBy, Rdma, RdmaLink, RdmaWay, Tcp, TcpWay, Times
from probes.flows.language import features
from tests.probes.flows.language import made

NO_TIMES = Times(0, 0, 0, 0)


def rdma_way(opcodes: list[tuple[int, int]], messages: int = 0, octets: int = 0) -> RdmaWay:
    return RdmaWay(opcodes, messages, octets, 0, 0, [], 2, 0, 0, 30, 0, [(0, 3)], 0, 4, 0, 0)


def test_a_flow_without_packets_has_no_more_than_counts() -> None:
    found = features.of(made.record(end=0))
    assert found == dict.fromkeys(found, 0.0) | {"protocol": 6}
    assert not found.keys() & {"rate", "duty", "forward_share", "period", "payload_mean_forward", "size_p50_forward"}


def test_counts_and_shares() -> None:
    shape = made.features(busy_ns=made.SECOND, sizes_forward=[0] * 7 + [5, 5], gaps_reverse=[0, 0, 0, 1], bursts=2)
    found = features.of(made.record(end=4, forward=made.way(10, 1000, 600), reverse=made.way(5, 500, 200), shape=shape))
    assert (found["packets"], found["octets_forward"], found["payload"]) == (15, 1000, 800)
    assert (found["forward_share"], found["duty"], found["rate"]) == (0.75, 0.25, 375)
    assert found["balance"] == pytest.approx(1 / 3)
    assert (found["payload_mean_forward"], found["payload_mean_reverse"], found["answered"]) == (60, 40, 1)
    assert (found["size_p50_forward"], found["size_p90_forward"]) == (127, 255)
    assert found["gap_p50_reverse"] == pytest.approx(7e-6)
    assert found.keys() <= features.NAMES


def test_tcp_and_periods() -> None:
    way = TcpWay(1, 100, 0, 2, 0, 3, Times(2, 0, 4_000_000, 0))
    tcp = Tcp(1_000_000, way, TcpWay(1, 0, 0, 0, 0, 0, NO_TIMES))
    shape = made.features(period_ns=made.SECOND // 2, period_strength=0.8)
    found = features.of(made.record(tcp=tcp, shape=shape))
    assert (found["retransmissions"], found["zero_windows"], found["resets"]) == (2, 2, 3)
    assert (found["handshake"], found["round_trip"]) == (0.001, 0.002)
    assert (found["period"], found["period_strength"], found["repeats"]) == (0.5, 0.8, 2)


def test_rdma() -> None:
    # RC: a write of three packets, an acknowledgement, and a read's answers.
    forward = rdma_way([(0x06, 1), (0x07, 1), (0x08, 1), (0x0C, 1)], messages=2, octets=3000)
    reverse = rdma_way([(0x0E, 1), (0x11, 2)])
    found = features.of(made.record(rdma=Rdma(RdmaLink.ROCEV2, 0, JoinedBy.NOTHING, forward, reverse)))
    assert (found["write_share"], found["read_share"], found["send_share"]) == (0.75, 0.25, 0)
    assert (found["messages"], found["message_mean"], found["naks"]) == (2, 1500, 6)
    assert "message_alike" not in found
    assert (found["lost"], found["repeated"], found["congestion_notifications"]) == (4, 60, 8)
    assert found.keys() <= features.NAMES


def test_messages_of_about_one_size() -> None:
    forward = structs.replace(rdma_way([(0x04, 8)], messages=8), message_sizes=[0, 0, 6, 2])
    reverse = structs.replace(rdma_way([]), message_sizes=[0, 0, 0, 0, 2])
    found = features.of(made.record(rdma=Rdma(RdmaLink.ROCEV2, 0, JoinedBy.NOTHING, forward, reverse)))
    assert found["message_alike"] == 0.6
