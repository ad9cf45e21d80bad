from __future__ import annotations

import pytest

from probes.samplers.infiniband import metrics
from tests.fixtures import rdma_vendors


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("rdma_transmit_bytes_total", ("tx_bytes", "tx_rdma_ucast_bytes")),
        ("rdma_receive_packets_total", ("rx_pkts", "rx_rdma_ucast_pkts", "rcvd_pkts", "rx_pkt")),
        ("retransmitted_bytes_total", ("retrans_bytes", "tx_rdma_retx_bytes")),
    ],
)
def test_traffic_of_every_vendor_is_one_metric(name: str, files: tuple[str, ...]) -> None:
    specs = {metrics.BY_FILE["hw_counters", file] for file in files}
    assert {spec.name for spec in specs} == {f"fabricscope_infiniband_{name}"}


def test_the_software_adapter_is_known_whole() -> None:
    assert {("hw_counters", file) for file in rdma_vendors.RXE} <= metrics.BY_FILE.keys()


def test_its_link_counter_is_not_that_of_a_port() -> None:
    assert metrics.BY_FILE["hw_counters", "link_downed"] is not metrics.BY_FILE["counters", "link_downed"]
