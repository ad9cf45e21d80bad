from __future__ import annotations

from fabricscope.assemble import Assembler
from probes.health.health import Health
from probes.health.metrics import METRICS, TOLD, VERDICT, VERDICTS, readings
from tests.probes.health.host import at
from tests.probes.health.made import LEVEL, TOP, Row, batch, rule


def test_verdicts_have_the_labels_that_ports_have() -> None:
    check = {"kind": "value", "of": "test_level", "above": 5}
    limit = {"kind": "value", "of": "test_top", "above": 5}
    rules = [rule(check=check), rule("b-rule", by=["device", "limit"], severity="critical", check=limit)]
    health = Health(rules)
    rows: list[Row] = [(LEVEL, ("eth0",), 9.0), (TOP, ("eth0", "warn"), 9.0)]
    health.observe([batch(at(0), rows)], [], at(0))
    made = list(readings(health, health.verdicts(at(0)), 0))
    shown = [dict(zip(VERDICT.labels, row.labels, strict=True)) for row in made if row.spec is VERDICT]
    assert [{name: value for name, value in labels.items() if value} for labels in shown] == [
        {"rule": "b-rule", "severity": "critical", "device": "eth0", "other": "limit=warn"},
        {"rule": "a-rule", "severity": "warning", "device": "eth0"},
    ]
    counts = {row.labels[0]: row.value for row in made if row.spec is VERDICTS}
    assert counts == {"info": 0, "warning": 1, "critical": 1}
    assert {row.labels[0]: row.value for row in made if row.spec is TOLD} == {"raised": 2, "changed": 0, "cleared": 0}
    Assembler("health", 1).assemble(made, at(0))


def test_names_are_once_in_the_table() -> None:
    names = [spec.name for spec in METRICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("fabricscope_health_") for name in names)
