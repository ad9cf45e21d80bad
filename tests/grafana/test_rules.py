"""Rules load, alerts fire when they should and not otherwise, and behind each is a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana import shipped, verdict_rules
from tools import verdict_pages

TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = shipped.ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "Confirm", "Likely causes", "What to do", "Silence"]
OF_A_VERDICT = list(verdict_pages.SECTIONS)
"""A rule says when it is raised, and in what it means where it comes from."""

needs_promtool = pytest.mark.needs_program("promtool", package="prometheus")


def promtool(*arguments: str | Path) -> None:
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *shipped.RULE_FILES)


@needs_promtool
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(path: Path) -> None:
    promtool("test", "rules", path)


@needs_promtool
def test_verdicts_alert_when_they_should(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.yaml"
    path.write_text(yaml.safe_dump(verdict_rules.tests()), "utf-8")
    promtool("test", "rules", path)


def test_every_alert_is_shown_firing_and_not_firing() -> None:
    shown: dict[str, set[bool]] = defaultdict(set)
    for path in TESTS:
        for block in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for check in block["promql_expr_test"]:
                if found := re.search(r'alertname="(\w+)"', check["expr"]):
                    shown[found[1]].add(bool(check["exp_samples"]))
    for block in verdict_rules.tests()["tests"]:
        for check in block["alert_rule_test"]:
            shown[check["alertname"]].add(bool(check["exp_alerts"]))
    assert shown == {name: {True, False} for name in shipped.alerts()}


def test_an_alert_says_what_where_and_where_to_read_on() -> None:
    for name, rule in shipped.alerts().items():
        assert name.startswith("Fabricscope")
        own = {"{{ $labels.severity }}"} if shipped.is_verdict(name) else {"critical", "warning"}
        assert rule["labels"]["severity"] in own
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert "{{" in rule["annotations"]["summary"], name
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(shipped.alerts())


def test_the_list_of_runbooks_is_complete() -> None:
    listed = re.findall(r"\((\w+)\.md\)", (RUNBOOKS / "README.md").read_text("utf-8"))
    assert sorted(listed) == sorted(shipped.alerts())


@pytest.mark.parametrize("name", sorted(shipped.alerts()))
def test_a_page_answers_the_same_questions_in_the_same_order(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    sections = OF_A_VERDICT if shipped.is_verdict(name) else SECTIONS
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections
    # Every section has something to say.
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    confirm = text.split("## Confirm")[1].split(f"## {sections[2]}")[0]
    assert "```" in confirm, "a command or a query to confirm it with"
    silence = text.split("## Silence")[1]
    assert f"amtool silence add alertname={name}" in silence


@pytest.mark.parametrize("name", sorted(shipped.alerts()))
def test_queries_in_a_page_can_be_asked(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    for block in re.findall(r"```promql\n(.*?)```", text, re.DOTALL):
        assert shipped.selectors(block), block


def test_alertmanager_holds_back_what_a_probe_judged_itself() -> None:
    rules = yaml.safe_load(shipped.ALERTMANAGER.read_text("utf-8"))["inhibit_rules"]
    named = set(shipped.alerts())
    for rule in rules:
        sources, targets = matched(rule["source_matchers"], named), matched(rule["target_matchers"], named)
        assert sources, rule
        assert targets, rule
        assert all(map(shipped.is_verdict, sources)), rule
        assert not any(map(shipped.is_verdict, targets)), rule
        assert {"cluster", "host"} <= set(rule["equal"]) <= {"cluster", "host", "device", "address"}
        for name in targets:
            # By what both alerts are labelled: else nothing would ever be held back.
            assert set(rule["equal"]) <= labels_in(shipped.alerts()[name]) | {"cluster"}, name
    for name in sorted(named):
        word = name.removeprefix("Fabricscope")
        if not shipped.is_verdict(name) and f"FabricscopeVerdict{word}" in named:
            assert any(name in matched(rule["target_matchers"], named) for rule in rules), name


def matched(matchers: list[str], names: set[str]) -> set[str]:
    """The alerts whose name fits; Alertmanager's patterns fit the whole of a value."""
    (matcher,) = [matcher for matcher in matchers if matcher.startswith("alertname=")]
    pattern = matcher.removeprefix("alertname=").lstrip("~").strip('"')
    return {name for name in names if re.fullmatch(pattern, name)}


def labels_in(rule: dict[str, Any]) -> set[str]:
    """Labels that the alert says the values of."""
    return set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
