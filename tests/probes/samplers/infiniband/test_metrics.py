from __future__ import annotations

import re

from fabricscope.model import Kind, Watch
from probes.samplers.infiniband import metrics


def test_lifespan_is_a_setting_not_a_counter() -> None:
    assert ("hw_counters", "lifespan") not in metrics.BY_FILE
    assert metrics.LIFESPAN.kind is Kind.GAUGE


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
