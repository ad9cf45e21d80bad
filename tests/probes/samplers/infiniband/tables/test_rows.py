from __future__ import annotations

from fabricscope.model import Overflow, Watch
from probes.samplers.infiniband.tables.rows import hardware, port


def test_a_counter_of_the_port_stops_at_its_ceiling() -> None:
    row = port("link_downed", "link_downed", 8, "Went down.", "link_downed", watch=Watch.FLAPS)
    assert (row.directory, row.files) == ("counters", ("link_downed",))
    assert (row.spec.bits, row.spec.overflow, row.spec.link) == (8, Overflow.SATURATES, "infiniband")
    assert row.spec.source == "/sys/class/infiniband/<device>/ports/<port>/counters/link_downed"


def test_what_old_kernels_had_is_in_a_directory_of_its_own() -> None:
    assert port("port_xmit_data_64", "legacy_transmit_bytes", 64, "Sent.", "x").directory == "counters_ext"


def test_one_count_under_the_names_of_several_drivers() -> None:
    row = hardware("out_of_sequence, Rcvd Out of order packets", "out_of_sequence_packets", "Out of order.", bits=32)
    assert row.files == ("out_of_sequence", "Rcvd Out of order packets")
    assert (row.spec.bits, row.spec.overflow, row.spec.unit) == (32, Overflow.WRAPS, "")
    assert row.spec.source.endswith("hw_counters: out_of_sequence or Rcvd Out of order packets")


def test_bytes_have_a_unit() -> None:
    assert hardware("tx_bytes", "rdma_transmit_bytes", "Sent.").spec.unit == "bytes"
