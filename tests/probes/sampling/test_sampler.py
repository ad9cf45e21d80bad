from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.settings import SettingsError, convert
from probes.sampling.sampler import Roots, SamplerSettings


def test_paths_stand_below_their_roots() -> None:
    roots = Roots(sys="/host/sys", proc="/host/proc")
    assert roots.sysfs("class", "net") == Path("/host/sys/class/net")
    assert roots.procfs("self") == Path("/host/proc/self")
    assert Roots() == Roots(sys="/sys", proc="/proc")


@pytest.mark.parametrize("key", ["interval_seconds", "deadline_seconds"])
@pytest.mark.parametrize("value", [0, -1, 3601, "often"])
def test_settings_have_bounds(key: str, value: object) -> None:
    with pytest.raises(SettingsError, match=rf"pcie\.{key}: "):
        convert({key: value}, SamplerSettings, "pcie")
