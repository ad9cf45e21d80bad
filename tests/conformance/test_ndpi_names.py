"""What nDPI calls the labels of the shipped rules, for scores on captures that it labelled."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

RULES = Path(__file__).parents[2] / "probes" / "flows" / "rules"
NAMES = Path(__file__).with_name("ndpi_names.json")


def test_every_label_has_its_line() -> None:
    labels = {
        rule.get("label", name)
        for path in RULES.glob("*.yaml")
        for name, rule in yaml.safe_load(path.read_text()).get("rules", {}).items()
    }
    assert set(json.loads(NAMES.read_text())) == labels
