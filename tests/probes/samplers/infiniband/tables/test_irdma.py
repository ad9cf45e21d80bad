from __future__ import annotations

from probes.samplers.infiniband import metrics
from probes.samplers.infiniband.tables import irdma
from tests.fixtures import rdma_vendors


def test_every_file_of_a_port_is_known_and_none_hides_another() -> None:
    specs = [metrics.BY_FILE["hw_counters", file] for file in rdma_vendors.IRDMA]
    assert len(set(specs)) == len(specs)


def test_no_row_is_for_a_file_that_the_driver_does_not_have() -> None:
    files = {file for row in irdma.COUNTERS for file in row.files}
    assert files <= set(rdma_vendors.IRDMA + rdma_vendors.IRDMA_THIRD_GENERATION)


def test_the_third_generation_has_other_names_for_the_same() -> None:
    specs = [metrics.BY_FILE["hw_counters", file] for file in rdma_vendors.IRDMA_THIRD_GENERATION]
    assert len(set(specs)) == len(specs)
    assert {metrics.BY_FILE["hw_counters", file] for file in rdma_vendors.IRDMA} <= set(specs)
