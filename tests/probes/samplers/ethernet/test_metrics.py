from __future__ import annotations

from fabricscope.model import Kind
from probes.samplers.ethernet import metrics
from probes.sources.rtnetlink import STATS_FIELDS


def test_statistics_are_fields_of_the_kernel() -> None:
    assert set(metrics.STATISTICS) <= set(STATS_FIELDS)


def test_names_follow_the_kind() -> None:
    for spec in metrics.ALL:
        assert spec.name.startswith("fabricscope_ethernet_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.help.endswith((".", "?")), spec.name


def test_no_name_stands_twice() -> None:
    assert len({spec.name for spec in metrics.ALL}) == len(metrics.ALL)
    aliases = [alias for spec in metrics.ALL for alias in spec.aliases]
    assert len(set(aliases)) == len(aliases)
