from __future__ import annotations

from pathlib import Path

from probes.flows.language import listing
from tests.probes.flows.language.made import loaded

RULES = """rules:
  b: {summary: second, transport: [udp], confidence: 0.5, client: '^b'}
  a: {summary: first, transport: [tcp], confidence: 0.95, client: '^a'}
behaviours:
  big: {summary: much, confidence: 0.7, when: octets > 1 MB}
policies:
  watch: {summary: look, then: {event: info}}
"""


def test_people_see_a_line_for_each(tmp_path: Path) -> None:
    assert listing.as_text(loaded(tmp_path, RULES)).splitlines() == [
        "a      tcp        0.95  first",
        "b      udp        0.50  second",
        "big    behaviour  0.70  much",
        "watch  policy           look",
    ]


def test_programs_see_all(tmp_path: Path) -> None:
    found = listing.as_json(loaded(tmp_path, RULES))
    assert [rule["name"] for rule in found["rules"]] == ["b", "a"]
    assert found["behaviours"][0]["label"] == "big"
    assert found["policies"] == [{"name": "watch", "summary": "look", "file": str(tmp_path / "own.yaml")}]
