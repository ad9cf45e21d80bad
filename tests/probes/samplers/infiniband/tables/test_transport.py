from __future__ import annotations

import pytest

from fabricscope.model import Overflow
from probes.samplers.infiniband.tables import transport
from tests.fixtures.infiniband import CONGESTION_COUNTERS, DIAGNOSTIC_COUNTERS, QUEUE_COUNTERS

ROWS = {file: row.spec for row in transport.COUNTERS for file in row.files}


def test_every_file_of_mlx5_and_mlx4() -> None:
    assert set(QUEUE_COUNTERS + CONGESTION_COUNTERS + DIAGNOSTIC_COUNTERS) <= ROWS.keys()


@pytest.mark.parametrize(
    "file", ["out_of_buffer", "packet_seq_err", "req_transport_retries_exceeded", "rx_write_requests", "sq_num_to"]
)
def test_queue_counters_go_round_at_32_bits(file: str) -> None:
    assert (ROWS[file].bits, ROWS[file].overflow) == (32, Overflow.WRAPS)


@pytest.mark.parametrize("file", [*CONGESTION_COUNTERS, "rx_icrc_encapsulated"])
def test_congestion_counters_have_64_bits(file: str) -> None:
    assert ROWS[file].bits == 64


@pytest.mark.parametrize(
    "files",
    [
        ("sq_num_tree", "req_transport_retries_exceeded", "max_retry_exceeded", "req_tx_retry_excd_err"),
        ("out_of_sequence", "oos_drop_count", "Rcvd Out of order packets", "resp_rx_outouf_seq", "out_of_seq_request"),
        ("np_cnp_sent", "tx_cnp_pkts", "cnpSent", "tx_rdma_cnp_pkts"),
        ("rnr_nak_retry_err", "rnr_naks_rcvd", "RNR received", "rcvd_rnr_err"),
    ],
)
def test_the_same_count_of_several_drivers_is_one_metric(files: tuple[str, ...]) -> None:
    assert len({ROWS[file] for file in files}) == 1


def test_what_is_tried_again_is_another_metric_than_what_is_given_up() -> None:
    assert ROWS["rnr_nak_retry_err"] is not ROWS["req_rnr_retries_exceeded"]
    assert ROWS["local_ack_timeout_err"] is not ROWS["req_transport_retries_exceeded"]
    assert ROWS["RNR sent"] is not ROWS["RNR received"]
