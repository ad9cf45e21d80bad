"""Rules load, alerts fire when they should and not otherwise, and behind each is a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.grafana import shipped

TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = shipped.ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "Confirm", "Likely causes", "What to do", "Silence"]

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


def test_every_alert_is_shown_firing_and_not_firing() -> None:
    shown: dict[str, set[bool]] = defaultdict(set)
    for path in TESTS:
        for block in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for check in block["promql_expr_test"]:
                if found := re.search(r'alertname="(\w+)"', check["expr"]):
                    shown[found[1]].add(bool(check["exp_samples"]))
    assert shown == {name: {True, False} for name in shipped.alerts()}


def test_an_alert_says_what_where_and_where_to_read_on() -> None:
    for name, rule in shipped.alerts().items():
        assert name.startswith("Fabricscope")
        assert rule["labels"]["severity"] in {"critical", "warning"}
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
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    confirm = text.split("## Confirm")[1].split("## Likely causes")[0]
    assert "```" in confirm, "a command or a query to confirm it with"
    silence = text.split("## Silence")[1]
    assert f"amtool silence add alertname={name}" in silence


@pytest.mark.parametrize("name", sorted(shipped.alerts()))
def test_queries_in_a_page_can_be_asked(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    for block in re.findall(r"```promql\n(.*?)```", text, re.DOTALL):
        assert shipped.selectors(block), block
