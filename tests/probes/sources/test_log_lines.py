from __future__ import annotations

import os
from pathlib import Path

from probes.sources.log_lines import LogLines
from tests.fixtures.descriptors import open_files


def write(pipe: int, *records: str) -> None:
    for record in records:
        os.write(pipe, record.encode())


def test_the_kernels_own_records_are_counted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kmsg")
    lines = LogLines(tmp_path / "kmsg")
    pipe = os.open(tmp_path / "kmsg", os.O_WRONLY)
    assert lines.readable
    assert lines.count() == 0
    for number in range(3):
        write(pipe, f"4,{number},100,-;mlx5_core 0000:17:00.0: something\n")
        assert lines.count() == number + 1
    write(pipe, "12,3,101,-;written by a program\n")
    assert lines.count() == 3
    # Two records that were overwritten before they could be read were lines as well.
    write(pipe, "4,6,102,-;later\n")
    assert lines.count() == 6
    lines.close()
    assert lines.count() == 6
    os.close(pipe)


def test_without_access_nothing_is_counted(tmp_path: Path) -> None:
    before = open_files()
    lines = LogLines(tmp_path / "kmsg")
    assert not lines.readable
    assert lines.count() == 0
    lines.close()
    assert open_files() == before
