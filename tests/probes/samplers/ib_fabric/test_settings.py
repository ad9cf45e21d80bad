from __future__ import annotations

import msgspec
import pytest

from probes.samplers.ib_fabric import IbFabricSettings, metrics
from probes.samplers.ib_fabric.sampler import MAX_RECABLED
from probes.samplers.ib_fabric.settings import MAX_PORTS
from probes.sampling.pipeline import MAX_READINGS


def test_it_is_off_until_somebody_chooses_the_host() -> None:
    assert not IbFabricSettings().enabled


def test_the_largest_sample_fits_a_batch() -> None:
    by_labels = [spec.labels for spec in metrics.TABLE]
    each = sum(labels[:2] == metrics.PORT for labels in by_labels)
    others = sum(not labels for labels in by_labels) + MAX_PORTS + MAX_RECABLED + 2
    assert each == 26
    assert MAX_PORTS * each + others <= MAX_READINGS


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"part": 3, "parts": 2}, "part is 3 of 2 parts"),
        ({"ca": "-x"}, "regex"),
        ({"ca": "mlx5 0"}, "regex"),
        ({"interval_seconds": 1}, "10"),
        ({"max_ports": MAX_PORTS + 1}, str(MAX_PORTS)),
        ({"environment": {"LD_PRELOAD": "x"}}, "environment"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(settings, IbFabricSettings)


@pytest.mark.parametrize("name", ["", "mlx5_0", "rocep1s0f0", "ibp12s0"])
def test_names_of_adapters(name: str) -> None:
    assert msgspec.convert({"ca": name, "ca_port": 1}, IbFabricSettings).ca == name
