from __future__ import annotations

import json

import pytest

from probes.health.health import Health
from probes.health.report import Examination, Status, as_json, as_text
from probes.health.state import Unjudged, Withheld
from tests.probes.health.host import at
from tests.probes.health.made import LEVEL, batch, rule


def examined(severity: str | None, **more: object) -> Examination:
    verdicts = []
    if severity is not None:
        check = {"kind": "value", "of": "test_level", "above": 5}
        health = Health([rule(check=check, severity=severity, next_step="look at {device}", meaning="It is hot.")])
        health.observe([batch(at(0), [(LEVEL, ("eth0",), 9.0)])], [], at(0))
        verdicts = health.verdicts(at(0))
    fields = {"examined": {"made": 4}, "failures": {}, **more}
    return Examination("n1", "samples", 0, 3.0, 60, verdicts, [Unjudged("b-rule", 4, 1)], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("severity", "status", "code"),
    [(None, "ok", 0), ("info", "ok", 0), ("warning", "warning", 1), ("critical", "critical", 3)],
)
def test_the_worst_decides(severity: str | None, status: str, code: int) -> None:
    found = examined(severity).status
    assert (found.word, found.code) == (status, code)


def test_nothing_sampled_is_not_healthy() -> None:
    found = examined(None, examined={}, failures={"pcie": "OSError: no bus"})
    assert found.status is Status.UNKNOWN
    assert "no device could be examined, so that nothing is known" in as_text(found)
    assert "OSError: no bus" in as_text(found)
    assert examined("warning", examined={}).status is Status.UNKNOWN
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
        *("verdicts", "unjudged", "samplers", "examined", "withheld", "failures", "notes"),
    }
    assert (shown["status"], shown["exit_code"], shown["version"]) == ("warning", 1, 1)
    assert shown["verdicts"][0]["subject"] == {"device": "eth0"}
    assert (shown["samplers"], shown["examined"]) == (["made"], {"made": 4})
    assert shown["unjudged"] == [{"rule": "b-rule", "things": 4, "known": 1}]


@pytest.mark.parametrize(("sampler", "code"), [("pcie", 1), ("gpu", 3), ("nvlink", 3)])
def test_a_sampler_that_does_not_work_is_never_well(sampler: str, code: int) -> None:
    found = examined(None, failures={sampler: "NvmlError: driver/library version mismatch"})
    assert found.status.code == code
    text = as_text(found)
    assert "nothing is wrong" not in text
    assert "no verdict, 1 sampler that failed" in text
    assert "version mismatch" in text
    assert as_json(found, at(5))["failures"] == {sampler: "NvmlError: driver/library version mismatch"}


def test_what_was_examined_and_what_was_withheld_is_told() -> None:
    withheld = [Withheld("ib-port-down", {"device": "mlx5_3"}, "port is down", "it is only wrong here if it was up")]
    text = as_text(examined(None, examined={"gpu": 8, "pcie": 14}, withheld=withheld))
    assert "examined: gpu 8, pcie 14" in text
    assert "port is down (device mlx5_3): it is only wrong here if it was up (ib-port-down)" in text


def test_what_would_move_the_cursor_is_not_printed() -> None:
    text = as_text(examined(None, failures={"pcie": "\x1b[2J"}))
    assert "\x1b" not in text
    assert "?[2J" in text
