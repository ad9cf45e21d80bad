from __future__ import annotations

import ast
from pathlib import Path

from fabricscope.model import Kind
from probes.samplers.redfish import metrics
from probes.sources.redfish import facts, parts, sensors
from probes.sources.redfish.values import MAX_PATH


def test_names_say_what_they_are() -> None:
    for spec in metrics.BY_FACT.values():
        assert spec.name.startswith("fabricscope_redfish_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.unit == "" or spec.unit in spec.name
        assert spec.labels[0] == "resource"
        assert spec.source.startswith("Redfish ")


def test_every_fact_that_the_parsers_name_has_a_metric_and_the_other_way_round() -> None:
    named: set[str] = set()
    for module in (facts, parts, sensors):
        tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
        named |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    prefixed = {f"port_{word}" for word in named}
    assert metrics.BY_FACT.keys() <= named | prefixed
    calls = {
        node.args[0].value
        for module in (facts, parts, sensors)
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Fact", "_Kind")
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert calls <= metrics.BY_FACT.keys()
    assert MAX_PATH < 1024
