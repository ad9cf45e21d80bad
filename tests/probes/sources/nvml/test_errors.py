from __future__ import annotations

from probes.sources.nvml.errors import Hung, NotNow, NvmlError


def test_each_is_an_oserror_that_says_why() -> None:
    for error in (NvmlError("why"), NotNow("why"), Hung("why", 3)):
        assert isinstance(error, OSError)
        assert str(error) == "why"
    assert Hung("why", 3).number == 3
