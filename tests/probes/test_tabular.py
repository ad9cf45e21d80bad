from __future__ import annotations

import csv
import importlib
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from probes.recorder.recording import Recording
from probes.recorder.rows import TABLES
from probes.tabular import NoParquetError, to_csv, to_parquet
from tests.probes.recorder.made import at, write_recording

EXPECTED = {"steps": 900, "samples": 20, "events": 2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.fsrec")


@pytest.mark.parametrize("what", EXPECTED)
def test_csv_has_a_heading_and_a_line_a_row(path: Path, what: str) -> None:
    output = io.StringIO()
    with Recording.open(path) as recording:
        assert to_csv(TABLES[what].columns, TABLES[what].rows(recording), output) == EXPECTED[what]
    output.seek(0)
    rows = list(csv.DictReader(output))
    assert len(rows) == EXPECTED[what]
    assert list(rows[0]) == [column.name for column in TABLES[what].columns]
    if what == "steps":
        assert rows[0]["time_unix_ns"] == str(at(100).wall)
        assert rows[0]["rate_per_second"] == ""


@pytest.mark.parametrize("what", EXPECTED)
def test_parquet_has_the_same(path: Path, tmp_path: Path, what: str) -> None:
    with Recording.open(path) as recording:
        assert to_parquet(TABLES[what].columns, TABLES[what].rows(recording), tmp_path / "x.parquet") == EXPECTED[what]
        expected = [tuple(row) for row in TABLES[what].rows(recording)]
    parquet: Any = importlib.import_module("pyarrow.parquet")
    found = parquet.read_table(tmp_path / "x.parquet")
    assert found.column_names == [column.name for column in TABLES[what].columns]
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_an_empty_table_is_a_file_too(tmp_path: Path) -> None:
    assert to_parquet(TABLES["events"].columns, (), tmp_path / "x.parquet") == 0
    assert (tmp_path / "x.parquet").stat().st_size > 0


def test_without_the_library_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NoParquetError, match=r"pip install .*or write CSV"):
        to_parquet(TABLES["events"].columns, (), tmp_path / "x.parquet")
