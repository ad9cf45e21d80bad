from __future__ import annotations

import json
from pathlib import Path

from probes.flows.language import native, normal_form
from tests.probes.flows.language.made import loaded

RULES = r"""rules:
  base:
    summary: b
    transport: [tcp]
    ports: [80, 8000-8080]
    ports_required: true
    confidence: 0.9
    either: '^a'
    any:
      - {name: one, client: {check: size == 4}, confidence: 0.5, ports_required: false}
      - {name: two, packets: 3, not: {server: {match: b, within: 9}}, server: {match: ['^c', '^d']}}
    not: {both: '^e'}
  fine: {summary: f, confidence: 0.8, refines: base, server: '^f'}
"""


def test_nothing_is_left_out(tmp_path: Path) -> None:
    document = json.loads(normal_form.as_json(loaded(tmp_path, RULES).rules))
    base, fine = document["rules"]
    alternatives = base.pop("alternatives")
    assert document["version"] == 1
    assert base == {
        "name": "base",
        "label": "base",
        "transports": ["tcp"],
        "ports": [[80, 80], [8000, 8080]],
        "refines": [],
        "extract": None,
        "fields": [],
        "listen": normal_form.LISTEN,
    }
    assert (fine["refines"], fine["transports"], fine["listen"]) == (["base"], ["tcp"], 0)
    common = {"side": "either", "patterns": ["^a"], "within": None, "checks": [], "message": "first"}
    one, two = alternatives
    assert one["tests"][0] == two["tests"][0] == common
    assert one["tests"][1]["checks"] == [{"text": "size == 4", "tree": ["==", "size", 4]}]
    assert (one["confidence"], one["packets"], one["ports_required"]) == (0.5, 1, False)
    assert (two["confidence"], two["packets"], two["ports_required"]) == (0.9, 3, True)
    assert two["tests"][1]["patterns"] == ["^c", "^d"]
    assert [group[0]["patterns"] for group in two["not"]] == [["^e"], ["b"]]


def test_the_engine_takes_it(tmp_path: Path) -> None:
    assert len(native.Classifier(normal_form.as_json(loaded(tmp_path, RULES).rules))) == 2
