from __future__ import annotations

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import rdma_netlink
from probes.sources.rdma_netlink import RdmaNetlinkError
from probes.sources.rdma_nldev import Device
from tests.fixtures import netlink_bytes as nl
from tests.fixtures import rdma_netlink_bytes as rdma
from tests.fixtures.fake_netlink import FakeSocket, Said


class Kernel:
    """Gives each socket that is opened the same datagrams."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.made: list[FakeSocket] = []

    def __call__(self, *_: object) -> FakeSocket:
        self.made.append(FakeSocket(*map(Said, self.datagrams)))
        return self.made[-1]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(socket, "socket", made)
    return made


def test_devices(kernel: Kernel) -> None:
    answers = [rdma.message(rdma.GET, rdma.device(number, f"mlx5_{number}")) for number in range(2)]
    kernel.datagrams = [b"".join(answers), rdma.done()]
    assert rdma_netlink.devices() == [Device(0, "mlx5_0", 1), Device(1, "mlx5_1", 1)]
    (asked,) = kernel.made
    (request,) = asked.sent
    assert (len(request.body), request.kind, request.flags) == (0, 5 << 10 | rdma.GET, 0x301)
    assert asked.closed


def test_queue_pairs_are_asked_for_by_device_until_there_are_enough(kernel: Kernel) -> None:
    parts = [[rdma.queue_pair(10 * part + place) for place in range(3)] for part in range(4)]
    kernel.datagrams = [rdma.message(rdma.RES_QP_GET, rdma.queue_pairs(7, "mlx5_7", *part)) for part in parts]
    assert [pair.number for pair in rdma_netlink.queue_pairs(7, 5)] == [0, 1, 2, 10, 11]
    (asked,) = kernel.made
    assert asked.sent[0].body == nl.u32(1, 7)
    # The kernel asks the adapter about each: what is not wanted is not waited for.
    assert len(asked.script) == 2
    assert asked.closed


def test_bound_counters_and_the_statistics_of_a_port(kernel: Kernel) -> None:
    kernel.datagrams = [rdma.message(rdma.STAT_GET, rdma.counters(0, "m", rdma.counter(4, 2, 17, a=1))), rdma.done()]
    assert [counter.queue_pairs for counter in rdma_netlink.counters(0, 8)] == [(17,)]
    assert kernel.made[-1].sent[0].body == nl.u32(1, 0) + nl.u32(75, 19)
    kernel.datagrams = [rdma.message(rdma.STAT_GET, rdma.device(0, "m"), rdma.hwcounters(cc_rx_ce_pkts=2))]
    assert rdma_netlink.statistics(0, 1) == {"cc_rx_ce_pkts": 2}
    assert kernel.made[-1].sent[0].body == nl.u32(1, 0) + nl.u32(3, 1)


def test_the_summary_of_each_device(kernel: Kernel) -> None:
    kernel.datagrams = [rdma.message(rdma.RES_GET, rdma.summary(0, "mlx5_0", qp=4)), rdma.done()]
    assert [(each.device, each.counts) for each in rdma_netlink.resources()] == [("mlx5_0", {"qp": 4})]


def test_a_refusal_carries_its_number(kernel: Kernel) -> None:
    kernel.datagrams = [rdma.refusal(errno.EINVAL)]
    with pytest.raises(RdmaNetlinkError, match="RDMA netlink refused: Invalid argument") as caught:
        rdma_netlink.queue_pairs(99, 10)
    assert caught.value.errno == errno.EINVAL


def test_a_kernel_that_does_not_answer(kernel: Kernel) -> None:
    with pytest.raises(RdmaNetlinkError, match="RDMA netlink: no answer for 5 s"):
        rdma_netlink.devices()
    assert kernel.made[0].closed


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"short", "5 bytes left where a message header"),
        (nl.message(16, b"", sequence=1, port=rdma.PORT), "message of type 16"),
        (nl.message(nl.OVERRUN, b"", sequence=1, port=rdma.PORT), "lost part of the answer"),
        (rdma.message(rdma.GET, nl.attribute(1, b"", length=99)), "attribute 1 of length 99"),
    ],
)
def test_answers_that_cannot_be_used(kernel: Kernel, datagram: bytes, why: str) -> None:
    kernel.datagrams = [datagram, rdma.done()]
    with pytest.raises(RdmaNetlinkError, match=why):
        rdma_netlink.devices()


def test_messages_for_others_are_skipped() -> None:
    stray = nl.message(nl.ERROR, b"", sequence=99, port=rdma.PORT)
    found, ended = rdma_netlink.bodies(stray + rdma.message(rdma.GET, b"") + rdma.done(), rdma.GET, 1, rdma.PORT)
    assert (len(found), ended) == (1, True)


@given(st.binary(max_size=200))
def test_any_datagram_gives_bodies_or_a_typed_error(datagram: bytes) -> None:
    try:
        found, _ended = rdma_netlink.bodies(datagram, rdma.GET, 1, rdma.PORT)
    except RdmaNetlinkError:
        return
    assert sum(len(body) for body in found) <= len(datagram)


def test_a_kernel_without_rdma_says_so() -> None:
    try:
        found = rdma_netlink.devices()
    except RdmaNetlinkError as error:
        assert error.errno == errno.EPROTONOSUPPORT
        assert "the kernel has no RDMA netlink: ib_core is not loaded" in str(error)
    else:
        assert all(device.name for device in found)
