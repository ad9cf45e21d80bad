from __future__ import annotations

import pytest

from fabricscope.settings import SettingsError, convert
from probes.health.settings import HealthSettings


def test_everything_has_a_default() -> None:
    settings = convert({}, HealthSettings, "probe.health")
    assert (settings.enabled, settings.rules, settings.state) == (True, (), "/var/lib/fabricscope/health.json")


def test_a_mistake_names_the_nearest_setting() -> None:
    with pytest.raises(SettingsError, match=r"probe.health: 'rule' is not a known setting; did you mean 'rules'"):
        convert({"rule": []}, HealthSettings, "probe.health")
