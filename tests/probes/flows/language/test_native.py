from __future__ import annotations

import pytest

from probes.flows.language import native


def test_the_engine_says_what_it_cannot_look_for() -> None:
    assert native.check_pattern("^a")
    assert not native.check_pattern("a")
    with pytest.raises(ValueError, match="unclosed group"):
        native.check_pattern("^(")
    with pytest.raises(ValueError, match="rules"):
        native.Classifier(b"{}")
    assert all(isinstance(name, str) for name in native.extractors())
