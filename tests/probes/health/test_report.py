from __future__ import annotations

import json

import pytest

from probes.health.health import Health
from probes.health.report import Examination, Status, as_json, as_text
from probes.health.state import Unjudged
from tests.probes.health.host import at
from tests.probes.health.made import LEVEL, batch, rule


def examined(severity: str | None, **more: object) -> Examination:
    verdicts = []
    if severity is not None:
        check = {"kind": "value", "of": "test_level", "above": 5}
        health = Health([rule(check=check, severity=severity, next_step="look at {device}", meaning="It is hot.")])
        health.observe([batch(at(0), [(LEVEL, ("eth0",), 9.0)])], [], at(0))
        verdicts = health.verdicts(at(0))
    fields = {"samplers": ["made"], "failures": {}, **more}
    return Examination("n1", "samples", 0, 3.0, 60, verdicts, [Unjudged("b-rule", 4, 1)], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("severity", "status", "code"),
    [(None, "ok", 0), ("info", "ok", 0), ("warning", "warning", 1), ("critical", "critical", 3)],
)
def test_the_worst_decides(severity: str | None, status: str, code: int) -> None:
    found = examined(severity).status
    assert (found.word, found.code) == (status, code)


def test_nothing_sampled_is_not_healthy() -> None:
    found = examined(None, samplers=[], failures={"pcie": "OSError: no bus"})
    assert found.status is Status.UNKNOWN
    assert "nothing is known" in as_text(found)
    assert "sampler pcie gave nothing: OSError: no bus" in as_text(found)
    assert 2 not in {status.code for status in Status}


def test_the_text_has_evidence_and_next_step() -> None:
    text = as_text(examined("critical", notes=["note: x"]))
    for part in (
        "n1: 1 verdict (60 rules, by 3 s of samples)",
        "CRITICAL  a-rule  since 2023-11-14T22:13:20Z",
        "- test_level{device=eth0} = 9 °C",
        "It is hot.",
        "next: look at eth0",
        "b-rule (1 of 4)",
        "note: x",
    ):
        assert part in text


def test_the_json_has_the_fields_that_are_documented() -> None:
    shown = json.loads(json.dumps(as_json(examined("warning"), at(5))))
    assert set(shown) == {
        *("version", "host", "time", "status", "exit_code", "source", "age_seconds", "sampled_seconds", "rules"),
        *("verdicts", "unjudged", "samplers", "failures", "notes"),
    }
    assert (shown["status"], shown["exit_code"], shown["version"]) == ("warning", 1, 1)
    assert shown["verdicts"][0]["subject"] == {"device": "eth0"}
    assert shown["unjudged"] == [{"rule": "b-rule", "things": 4, "known": 1}]
