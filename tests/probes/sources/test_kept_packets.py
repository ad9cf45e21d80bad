from __future__ import annotations

from pathlib import Path

from probes.sources.kept_packets import KeptFile, KeptRing


def test_a_file_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    file = KeptFile(tmp_path / "out")
    assert file.write(b"one")
    assert file.write(b"two")
    file.close()
    assert (tmp_path / "out").read_bytes() == b"onetwo"


def test_two_files_take_turns_and_stay_small(tmp_path: Path) -> None:
    ring = KeptRing(tmp_path / "packets", "eth0.5", 20)
    names = [tmp_path / "packets" / name for name in ("eth0.5.pcapng", "eth0.5-before.pcapng")]
    for section in (b"aaaa", b"bbbb", b"cccc"):
        assert ring.write(section)
    assert [name.read_bytes() for name in names] == [b"cccc", b"aaaabbbb"]
    assert not ring.write(b"x" * 11)
    # Another probe goes on where this one was.
    assert KeptRing(tmp_path / "packets", "eth0.5", 20).write(b"dddddd")
    assert [name.read_bytes() for name in names] == [b"ccccdddddd", b"aaaabbbb"]
    assert ring.write(b"e")
    assert [name.read_bytes() for name in names] == [b"e", b"ccccdddddd"]


def test_nobody_else_may_read_what_was_captured(tmp_path: Path) -> None:
    KeptRing(tmp_path, "mon", 20).write(b"a")
    assert (tmp_path / "mon.pcapng").stat().st_mode & 0o777 == 0o600


def test_a_name_stays_inside_the_folder(tmp_path: Path) -> None:
    KeptRing(tmp_path / "packets", "../x/y", 20).write(b"a")
    assert [file.name for file in (tmp_path / "packets").iterdir()] == [".._x_y.pcapng"]
