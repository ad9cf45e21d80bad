from __future__ import annotations

from fabricscope.model import Kind
from probes.samplers.kernel import metrics


def test_names_follow_the_conventions() -> None:
    assert len({spec.name for spec in metrics.ALL}) == len(metrics.ALL)
    for spec in metrics.ALL:
        assert spec.name.startswith("fabricscope_kernel_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.help.endswith(".")
