from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.settings import SettingsError
from probes.health.language.checks import Flaps, Increase
from probes.health.language.rule_files import load, load_all, shipped

OWN = """
rules:
  my-rule:
    summary: x is odd
    by: device
    for: 3m
    check: {kind: value, of: fabricscope_ethernet_up, below: 1}
"""


def write(tmp_path: Path, text: str, name: str = "mine.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def refused(tmp_path: Path, text: str) -> str:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load([path])
    assert str(path) in str(caught.value)
    return str(caught.value).replace(f"{path}: ", "")


# --- what is shipped


def test_rules_are_shipped_and_say_what_they_mean() -> None:
    assert len(shipped()) > 60
    for rule in shipped():
        for text in (rule.summary, rule.meaning, rule.threshold, rule.next_step):
            assert text, rule.name
        assert not rule.summary.endswith("."), rule.name
        assert rule.meaning.endswith("."), rule.name
        # What the next step has in braces is filled in from the thing.
        assert set(re.findall(r"{(\w+)}", rule.next_step)) <= set(rule.by), rule.name


# --- what an operator's file may do


def test_a_threshold_is_changed_and_the_rest_stays(tmp_path: Path) -> None:
    path = write(tmp_path, "rules: {ib-port-flapping: {check: {above: 5}, for: 1m}}")
    before = next(rule for rule in load() if rule.name == "ib-port-flapping")
    after = next(rule for rule in load([path]) if rule.name == "ib-port-flapping")
    assert isinstance(before.check, Flaps)
    assert isinstance(after.check, Flaps)
    assert (before.check.above.value, after.check.above.value) == (2, 5)
    assert (after.check.window, after.check.downs, after.next_step) == (
        before.check.window,
        before.check.downs,
        before.next_step,
    )
    assert (after.hold, after.origin) == ("1m", str(path))


def test_a_limit_turned_round_does_not_keep_the_old_one(tmp_path: Path) -> None:
    path = write(tmp_path, "rules: {ib-link-recoveries: {check: {below: 5}}}")
    check = next(rule for rule in load([path]) if rule.name == "ib-link-recoveries").check
    assert isinstance(check, Increase)
    assert check.above is None


def test_a_rule_is_switched_off(tmp_path: Path) -> None:
    path = write(tmp_path, "rules: {pcie-slow: {enabled: false}}")
    assert "pcie-slow" not in {rule.name for rule in load([path])}
    assert "pcie-slow" in {rule.name for rule in load_all([path])}


def test_a_rule_is_added_and_later_files_have_the_last_word(tmp_path: Path) -> None:
    write(tmp_path, OWN, "10.yaml")
    write(tmp_path, "rules: {my-rule: {severity: critical}}", "20.yaml")
    write(tmp_path, "not: read", "notes.txt")
    rule = next(rule for rule in load([tmp_path]) if rule.name == "my-rule")
    assert (rule.severity, rule.hold, rule.by) == ("critical", "3m", ("device",))


def test_a_check_of_another_kind_starts_anew(tmp_path: Path) -> None:
    text = "rules: {pcie-slow: {check: {kind: increase, of: fabricscope_x, window: 5m, above: 0}}}"
    check = next(rule for rule in load([write(tmp_path, text)]) if rule.name == "pcie-slow").check
    assert isinstance(check, Increase)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rule: {}", "'rule' is not a known key of a file of health rules; did you mean 'rules'?"),
        ("rules: [1]", "rules: a list does not fit; expected a section with a rule by name"),
        ("rules: {pcie-slow: 3}", "rules.pcie-slow: 3 does not fit; expected a section"),
        ("rules: {pcie-slow: {check: 3}}", "rules.pcie-slow.check: expected a section with a `kind`"),
        ("rules: {pcie-slwo: {enabled: false}}", "'pcie-slwo' is not a known rule; did you mean 'pcie-slow'?"),
        (
            "rules: {pcie-slow: {hold_dwn: 3m}}",
            "rules.pcie-slow: 'hold_dwn' is not a known setting; did you mean 'hold_",
        ),
        ("rules: {pcie-slow: {hold: 3m}}", "rules.pcie-slow: 'hold' is not a known setting; did you mean"),
        ("rules: {pcie-slow: {for: soon}}", "rules.pcie-slow.for: 'soon' does not fit; expected a time such as"),
        ("rules: {pcie-slow: {severity: bad}}", "does not fit; expected one of"),
        ("rules: {pcie-slow: {check: {abov: 1}}}", "check: 'abov' is not a known setting; did you mean 'above'?"),
        ("rules: {pcie-slow: {check: {above: so high}}}", "check.above.product[0].metric: 'so high' does not fit"),
        ("rules: {pcie-slow: {check: {kind: valu}}}", "check.kind: 'valu' is not a known kind of check; did you mean"),
        ("rules: {pcie-slow: {by: [a, a]}}", "rules.pcie-slow.by: a label is there twice; keep one"),
        (OWN.replace("my-rule", "My_Rule"), "rules.My_Rule: no name for a rule"),
        (OWN.replace("summary: x is odd", ""), "rules.my-rule: 'summary' is missing; add it"),
        (OWN.replace("kind: value, ", ""), "rules.my-rule.check: 'kind' is missing; add one of"),
        (OWN.replace("of: ", "of: {metrc: a}, x: "), "rules.my-rule.check"),
        (OWN + "  my-rule: {}", "is there twice; keep one"),
        ("rules: {pcie-slw: {check: {above: 1}}}", "'pcie-slw' is not a known rule; did you mean 'pcie-slow'?"),
        (OWN.replace("below: 1", "below: .nan"), "`limit` is nan; give a number that is finite"),
        (OWN.replace("below: 1", "above: -.inf"), "`limit` is -inf; give a number that is finite"),
        (OWN.replace("below: 1", "below: {product: [a], times: .inf}"), "`times` is inf; give a number"),
        (OWN.replace("of: fabricscope_ethernet_up", "of: {metric: a, times: .nan}"), "`times` is nan; give a number"),
        (OWN + "    where: {metric: a, above: .nan}", "`above` is nan; give a number"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in refused(tmp_path, text)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read"):
        load([tmp_path / "none.yaml"])


def test_the_examples_of_the_documentation_are_rules(tmp_path: Path, repository: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (repository / "docs" / "health.md").read_text("utf-8"), re.DOTALL)
    written = [block for block in blocks if block.startswith("rules:")]
    written += [
        "rules:\n  pcie-slow:\n" + "".join(f"    {line}\n" for line in part.strip().splitlines())
        for block in blocks
        for part in block.split("---\n")
        if part.startswith("check:")
    ]
    assert len(written) == 3
    for text in written:
        assert len(load([write(tmp_path, text)])) >= len(load()) - 1


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["5m", "m", "value", "rate", "any", "warning"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rules", "pcie-slow", "check", "kind", "of", "above", "where", "metric", "window", "by", "for", "any"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_plain)
def test_any_document_is_rules_or_an_error(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    import json

    path = tmp_path_factory.mktemp("rules") / "any.yaml"
    path.write_text(json.dumps({"rules": {"pcie-slow": document, "x": document}}))
    try:
        assert load([path])
    except SettingsError as error:
        assert str(path) in str(error)
