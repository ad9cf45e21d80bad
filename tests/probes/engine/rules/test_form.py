from __future__ import annotations

import json
from typing import Any

import pytest

from tests.probes.engine.rules.made import document, form, rule, way


@pytest.mark.parametrize(
    "change", [{"label": 5}, {"listen": 70_000}, {"ports": [[1, 2, 3]]}, {"extra": 1}, {"alternatives": [{}]}]
)
def test_what_is_no_normal_form_is_refused(engine: Any, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rules"):
        engine.Classifier(document(rule("a", way(form()), **change)))


def test_rules_are_counted(engine: Any) -> None:
    assert len(engine.Classifier(document(rule("a", way(form())), rule("b")))) == 2
    with pytest.raises(ValueError, match="rules of version 2"):
        engine.Classifier(json.dumps({"version": 2, "rules": []}).encode())
