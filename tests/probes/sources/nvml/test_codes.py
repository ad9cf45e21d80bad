from __future__ import annotations

from probes.sources.nvml import codes
from tests.fixtures.nvml.bindings import pynvml


def test_every_code_of_the_bindings_is_known_by_its_name() -> None:
    known = {
        value: name.removeprefix("NVML_ERROR_").removeprefix("NVML_")
        for name, value in vars(pynvml).items()
        if name == "NVML_SUCCESS" or (name.startswith("NVML_ERROR_") and isinstance(value, int))
    }
    assert known == codes.NAMES


def test_names() -> None:
    assert codes.name(15) == "GPU_IS_LOST"
    assert codes.name(12345) == "error 12345"


def test_the_groups_do_not_overlap() -> None:
    assert not codes.LOST & codes.UNSUPPORTED
    assert codes.UNKNOWN not in codes.LOST | codes.UNSUPPORTED
    assert codes.TIMEOUT == pynvml.NVML_ERROR_TIMEOUT
    assert codes.NO_DATA == pynvml.NVML_ERROR_NO_DATA
