"""What a test may need from the machine, and what happens where that is missing.

    @pytest.mark.needs_program("promtool", package="prometheus")
    @pytest.mark.needs_root

A test that needs what is not there is skipped by name. In CI (CI=true) it fails instead: there
everything can be installed, and a skip would hide that the test no longer runs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest

# A loaded machine is no failure; in CI the same examples are tried each time.
hypothesis.settings.register_profile("fabricscope", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("fabricscope")

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Debian keeps `ip` and others where users who are not root do not look."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_program(name, package): runs a program of that Debian package")
    config.addinivalue_line("markers", "needs_root: makes network namespaces, or does what else only root may")


def pytest_runtest_setup(item: pytest.Item) -> None:
    reasons = [missing_program(*mark.args, **mark.kwargs) for mark in item.iter_markers("needs_program")]
    if item.get_closest_marker("needs_root"):
        reasons.append(missing_root(os.geteuid()))
    if missing := [reason for reason in reasons if reason]:
        give_up("; ".join(missing), os.environ)


def missing_program(name: str, package: str) -> str:
    """Why a test that runs `name` cannot; empty when it can."""
    return "" if shutil.which(name, path=PATH) else f"{name} is not installed (Debian package {package})"


def missing_root(user: int) -> str:
    """Why a test that needs root cannot run; empty when it can."""
    return "" if user == 0 else "needs root"


def give_up(reason: str, environment: Mapping[str, str]) -> None:
    """Skip the test; fail it in CI."""
    if environment.get("CI") == "true":
        pytest.fail(f"{reason}; in CI nothing is skipped", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parent.parent
