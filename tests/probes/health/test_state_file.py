from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.health import state_file
from probes.health.state import Pasts, State
from probes.health.state_file import pasts_path, read_pasts, read_state, write

STATE = State(written_unix_ns=5, started_unix_ns=1, rules=3, verdicts=())


def test_what_was_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "health.json"
    assert read_state(path) is None
    write(path, STATE)
    write(path, STATE)
    write(path, Pasts(written_unix_ns=7))
    assert read_state(path) == STATE
    assert read_pasts(path) == Pasts(written_unix_ns=7)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["health.json", "health.json.pasts"]
    assert pasts_path(path).name == "health.json.pasts"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b"[" * 5000, b'{"version": 99}'])
def test_a_hostile_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "health.json"
    path.write_bytes(content)
    pasts_path(path).write_bytes(content)
    for read in (read_state, read_pasts):
        with pytest.raises(ValueError, match=str(path)):
            read(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "MAX_BYTES", 10)
    path = tmp_path / "health.json"
    path.write_bytes(b" " * 11)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        read_state(path)


def test_what_is_no_file_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "health.json").mkdir()
    assert read_state(tmp_path / "health.json") is None
    os.mkfifo(tmp_path / "fifo")
    assert read_state(tmp_path / "fifo") is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.mkdir()
    (path / "occupied").touch()
    with pytest.raises(OSError, match=r"health\.json"):
        write(path, STATE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["health.json"]
