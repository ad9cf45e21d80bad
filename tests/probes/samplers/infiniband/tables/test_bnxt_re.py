from __future__ import annotations

from probes.samplers.infiniband import metrics
from probes.samplers.infiniband.tables import bnxt_re
from tests.fixtures import rdma_vendors


def test_every_file_of_a_port_is_known_and_none_hides_another() -> None:
    specs = [metrics.BY_FILE["hw_counters", file] for file in rdma_vendors.BNXT_RE]
    assert len(set(specs)) == len(specs)


def test_no_row_is_for_a_file_that_the_driver_does_not_have() -> None:
    files = {file for row in bnxt_re.COUNTERS for file in row.files}
    assert files <= set(rdma_vendors.BNXT_RE)


def test_what_is_no_counter_is_left_out() -> None:
    assert not {("hw_counters", file) for file in rdma_vendors.BNXT_RE_GAUGES} & metrics.BY_FILE.keys()
