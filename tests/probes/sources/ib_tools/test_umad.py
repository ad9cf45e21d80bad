from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.sources.ib_tools import umad


def test_a_device_that_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "umad0").touch()
    assert umad.problem(tmp_path) is None


def test_no_device(tmp_path: Path) -> None:
    (tmp_path / "issm0").touch()
    assert umad.problem(tmp_path) == (
        f"no {tmp_path}/umad*: no InfiniBand adapter, or the module ib_umad is not loaded"
    )
    assert "no InfiniBand adapter" in str(umad.problem(tmp_path / "absent"))


def test_a_device_that_may_not_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "umad0").touch()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert str(umad.problem(tmp_path)).startswith(f"{tmp_path}/umad0 may not be read and written")


def test_a_directory_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(os, "scandir", refused)
    assert "EACCES" in str(umad.problem(tmp_path))
