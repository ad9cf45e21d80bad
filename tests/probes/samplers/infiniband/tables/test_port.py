from __future__ import annotations

import pytest

from fabricscope.model import Overflow
from probes.samplers.infiniband.tables import port
from tests.fixtures.infiniband import COUNTERS, EXTENDED_COUNTERS

# Bits as in the kernel's drivers/infiniband/core/sysfs.c, PORT_PMA_ATTR and PORT_PMA_ATTR_EXT.
BITS = {
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
ROWS = {row.files[0]: row for row in port.COUNTERS if row.directory == "counters"}


@pytest.mark.parametrize(("file", "bits"), BITS.items())
def test_they_stop_at_the_width_that_the_kernel_gives_them(file: str, bits: int) -> None:
    assert (ROWS[file].spec.bits, ROWS[file].spec.overflow) == (bits, Overflow.SATURATES)


def test_every_file_of_an_mlx5_port() -> None:
    assert set(COUNTERS + EXTENDED_COUNTERS) <= ROWS.keys()


def test_data_counters_count_words_of_four_octets() -> None:
    scaled = {row.files[0]: row.spec for row in port.COUNTERS if row.spec.scale != 1}
    assert scaled.keys() == {"port_xmit_data", "port_rcv_data", "port_xmit_data_64", "port_rcv_data_64"}
    assert {(spec.scale, spec.unit) for spec in scaled.values()} == {(4, "bytes")}
