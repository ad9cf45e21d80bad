"""A test that cannot run is skipped by name, and never passes over in silence in CI."""

from __future__ import annotations

import pytest

from tests.conftest import give_up, missing_program, missing_root


def test_names_the_program_and_its_package() -> None:
    assert missing_program("no-such-program", package="no-such-package") == (
        "no-such-program is not installed (Debian package no-such-package)"
    )
    assert missing_program("sh", package="dash") == ""


def test_only_root_is_root() -> None:
    assert missing_root(0) == ""
    assert missing_root(1000) == "needs root"


def test_skips_with_the_reason_on_a_developers_machine() -> None:
    with pytest.raises(pytest.skip.Exception, match="promtool is not installed"):
        give_up("promtool is not installed", {})


def test_fails_in_ci() -> None:
    with pytest.raises(pytest.fail.Exception, match="promtool is not installed; in CI nothing is skipped"):
        give_up("promtool is not installed", {"CI": "true"})
