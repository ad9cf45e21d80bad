from __future__ import annotations

import platform
from pathlib import Path

from probes.sources.host import boot_id, host_name


def test_reads_the_boot_id(tmp_path: Path) -> None:
    file = tmp_path / "sys/kernel/random/boot_id"
    file.parent.mkdir(parents=True)
    file.write_text("9f7e7a26-0c0b-4b5c-8d62-2c4a1a1b1c1d\n")
    assert boot_id(tmp_path) == "9f7e7a26-0c0b-4b5c-8d62-2c4a1a1b1c1d"


def test_a_boot_id_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert boot_id(tmp_path) == ""
    (tmp_path / "sys/kernel/random/boot_id").mkdir(parents=True)
    assert boot_id(tmp_path) == ""


def test_a_boot_id_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "sys/kernel/random/boot_id"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff\x00" * 5000)
    assert len(boot_id(tmp_path)) <= 256
    assert boot_id(tmp_path).isprintable()


def test_names_the_host_as_the_kernel_does() -> None:
    assert host_name() == platform.node()
