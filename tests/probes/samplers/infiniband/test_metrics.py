from __future__ import annotations

import re

import pytest

from fabricscope.model import Kind, Overflow, Watch
from probes.samplers.infiniband import metrics

# Bits as in the kernel's drivers/infiniband/core/sysfs.c, PORT_PMA_ATTR and PORT_PMA_ATTR_EXT.
PERFORMANCE_BITS = {
    "symbol_error": 16,
    "link_error_recovery": 8,
    "link_downed": 8,
    "port_rcv_errors": 16,
    "port_rcv_remote_physical_errors": 16,
    "port_rcv_switch_relay_errors": 16,
    "port_xmit_discards": 16,
    "port_xmit_constraint_errors": 8,
    "port_rcv_constraint_errors": 8,
    "local_link_integrity_errors": 4,
    "excessive_buffer_overrun_errors": 4,
    "VL15_dropped": 16,
    "port_xmit_wait": 32,
    "port_xmit_data": 64,
    "port_rcv_data": 64,
    "port_xmit_packets": 64,
    "port_rcv_packets": 64,
    "unicast_xmit_packets": 64,
    "unicast_rcv_packets": 64,
    "multicast_xmit_packets": 64,
    "multicast_rcv_packets": 64,
}


@pytest.mark.parametrize(("file", "bits"), PERFORMANCE_BITS.items())
def test_performance_counters_stop_at_the_width_that_the_kernel_gives_them(file: str, bits: int) -> None:
    spec = metrics.BY_FILE["counters", file]
    assert (spec.bits, spec.overflow) == (bits, Overflow.SATURATES)


@pytest.mark.parametrize(
    "file", ["out_of_buffer", "packet_seq_err", "req_transport_retries_exceeded", "rx_write_requests", "sq_num_to"]
)
def test_queue_counters_go_round_at_32_bits(file: str) -> None:
    spec = metrics.BY_FILE["hw_counters", file]
    assert (spec.bits, spec.overflow) == (32, Overflow.WRAPS)


@pytest.mark.parametrize("file", ["np_cnp_sent", "np_ecn_marked_roce_packets", "rp_cnp_handled", "rp_cnp_ignored"])
def test_congestion_counters_have_64_bits(file: str) -> None:
    assert metrics.BY_FILE["hw_counters", file].bits == 64


def test_data_counters_count_words_of_four_octets() -> None:
    scaled = {row.files[0]: row.spec for row in metrics.COUNTERS if row.spec.scale != 1}
    assert scaled.keys() == {"port_xmit_data", "port_rcv_data", "port_xmit_data_64", "port_rcv_data_64"}
    assert {(spec.scale, spec.unit) for spec in scaled.values()} == {(4, "bytes")}


def test_lifespan_is_a_setting_not_a_counter() -> None:
    assert ("hw_counters", "lifespan") not in metrics.BY_FILE
    assert metrics.LIFESPAN.kind is Kind.GAUGE


def test_the_same_count_of_mlx4_and_mlx5_is_one_metric() -> None:
    assert (
        metrics.BY_FILE["hw_counters", "sq_num_tree"]
        is metrics.BY_FILE["hw_counters", "req_transport_retries_exceeded"]
    )


def test_every_file_and_every_name_stands_once() -> None:
    files = [(row.directory, file) for row in metrics.COUNTERS for file in row.files]
    assert len(files) == len(set(files)) == len(metrics.BY_FILE)
    specs = [row.spec for row in metrics.COUNTERS] + list(metrics.GAUGES)
    for names in ([spec.name for spec in specs], [alias for spec in specs for alias in spec.aliases]):
        assert len(names) == len(set(names))


def test_names_and_help_follow_the_rules() -> None:
    for spec in [row.spec for row in metrics.COUNTERS] + list(metrics.GAUGES):
        assert re.fullmatch(r"fabricscope_infiniband_[a-z0-9_]+", spec.name)
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.help.endswith(".")
        assert spec.source.startswith("/sys/class/infiniband/")
        assert (spec.link == "infiniband") == (spec.watch is not None)


def test_what_makes_events() -> None:
    assert metrics.UP.watch is Watch.UP_DOWN
    assert metrics.RATE.watch is Watch.CHANGE
    assert metrics.BY_FILE["counters", "link_downed"].watch is Watch.FLAPS
