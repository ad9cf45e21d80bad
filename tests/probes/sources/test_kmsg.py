from __future__ import annotations

import errno
import os
import re
import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Now
from probes.sources.kmsg import (
    MAX_OVERRUNS,
    MAX_PROPERTIES,
    MAX_RECORD_BYTES,
    MAX_TEXT,
    KernelLog,
    KernelLogError,
    LogClock,
    Record,
    RecordError,
    parse_record,
)
from tests.fixtures.kernel_log import LogDevice, record

SECOND = 1_000_000_000


@pytest.fixture
def device(tmp_path: Path) -> Iterator[LogDevice]:
    made = LogDevice(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(device: LogDevice) -> Iterator[KernelLog]:
    made = KernelLog(device.path)
    made.open()
    yield made
    made.close()


def texts(log: KernelLog, limit: int = 100) -> list[str]:
    return [row.text for row in log.read(limit).records]


def test_a_record_of_the_kernel() -> None:
    content = (
        b"3,339,5140900,-;mlx5_core 0000:17:00.0: Port module event: module 0, Cable unplugged\n"
        b" SUBSYSTEM=pci\n DEVICE=+pci:0000:17:00.0\n"
    )
    assert parse_record(content) == Record(
        facility=0,
        level=3,
        sequence=339,
        boot_ns=5_140_900_000,
        text="mlx5_core 0000:17:00.0: Port module event: module 0, Cable unplugged",
        properties={"SUBSYSTEM": "pci", "DEVICE": "+pci:0000:17:00.0"},
    )


def test_a_line_that_a_program_wrote_has_another_facility() -> None:
    row = parse_record(b"12,1,1,-;systemd[1]: hello\n")
    assert (row.facility, row.level) == (1, 4)


def test_fields_that_later_kernels_add_to_the_head() -> None:
    assert parse_record(b"6,7,8,c,caller=T12;text;with,more\n").text == "text;with,more"


def test_escapes_are_undone_and_what_cannot_be_printed_is_not_kept() -> None:
    assert (
        parse_record(rb"6,1,1,-;r\xc3\xa4ck \x1b[31m \x5cx41 \xff \xzz" + b"\n").text == "räck ?[31m \\x41 \ufffd \\xzz"
    )


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b";", b"6,1,1,-", b"6;text", b"6,1;text", b"a,1,1,-;t", b"-6,1,1,-;t", b"6,1_0,1,-;t", b"6,1, 1,-;t"),
        b"6," + b"1" * 21 + b",1,-;t",
        "6,\u0663,1,-;t".encode(),
    ],
)
def test_what_is_no_record(content: bytes) -> None:
    with pytest.raises(RecordError):
        parse_record(content)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda tail: b"6,1,1,-;" + tail)))
def test_any_bytes_give_a_record_or_a_typed_error(content: bytes) -> None:
    try:
        row = parse_record(content)
    except RecordError:
        return
    assert 0 <= row.level <= 7
    assert min(row.facility, row.sequence, row.boot_ns) >= 0
    assert len(row.text) <= MAX_TEXT
    assert row.text.isprintable()
    assert "\n" not in "".join((*row.properties, *row.properties.values()))


def test_lengths_and_properties_are_bounded() -> None:
    tail = b"".join(b" K%d=v\n" % number for number in range(100))
    row = parse_record(b"6,1,1,-;" + b"x" * 5000 + b"\n" + tail)
    assert (len(row.text), len(row.properties)) == (MAX_TEXT, MAX_PROPERTIES)


def test_each_read_brings_what_is_new(device: LogDevice, log: KernelLog) -> None:
    assert log.read(10).caught_up
    device.say("one")
    device.say("two")
    batch = log.read(10)
    assert ([row.text for row in batch.records], batch.lost, batch.caught_up) == (["one", "two"], 0, True)
    assert not log.read(10).records


def test_a_read_is_bounded_and_says_that_there_is_more(device: LogDevice, log: KernelLog) -> None:
    for number in range(5):
        device.say(str(number))
    batch = log.read(3)
    assert ([row.text for row in batch.records], batch.caught_up) == (["0", "1", "2"], False)
    assert texts(log) == ["3", "4"]


def test_the_descriptor_becomes_readable_with_a_record(device: LogDevice, log: KernelLog) -> None:
    assert log.descriptor is not None
    assert select.select([log.descriptor], [], [], 0)[0] == []
    device.say("news")
    assert select.select([log.descriptor], [], [], 0)[0] == [log.descriptor]


def test_a_gap_in_the_numbers_is_what_was_lost(device: LogDevice, log: KernelLog) -> None:
    device.write(record("first", 1000))
    assert log.read(10).lost == 0
    device.write(record("later", 1050))
    assert log.read(10).lost == 49


def test_records_that_cannot_be_understood_are_counted_and_passed_over(device: LogDevice, log: KernelLog) -> None:
    device.say("one")
    device.write(b"rubbish")
    device.sequence += 1
    device.say("two")
    batch = log.read(10)
    assert ([row.text for row in batch.records], batch.malformed, batch.lost) == (["one", "two"], 1, 0)


class Scripted:
    """Answers of read(2) one after the other: a record, or the number of an error."""

    def __init__(self, *answers: bytes | int) -> None:
        self.answers = list(answers)

    def __call__(self, descriptor: int, length: int) -> bytes:
        assert length == MAX_RECORD_BYTES
        answer = self.answers.pop(0) if self.answers else errno.EAGAIN
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        return answer


def scripted(device: LogDevice, *answers: bytes | int) -> KernelLog:
    made = KernelLog(device.path, Scripted(*answers))
    made.open()
    return made


def test_a_log_that_ran_away_goes_on_where_it_is_and_says_how_much_is_lost(device: LogDevice) -> None:
    log = scripted(device, record("a", 10), errno.EPIPE, record("b", 500), errno.EINVAL, record("c", 502))
    batch = log.read(10)
    assert ([row.text for row in batch.records], batch.lost, batch.caught_up) == (["a", "b", "c"], 490, True)
    log.close()


def test_a_log_that_runs_away_again_and_again_is_left_for_the_next_read(device: LogDevice) -> None:
    log = scripted(device, *[errno.EPIPE] * 1000)
    batch = log.read(10)
    assert (batch.records, batch.caught_up) == ([], False)
    reader = log._read_bytes
    assert isinstance(reader, Scripted)
    assert len(reader.answers) == 1000 - MAX_OVERRUNS
    log.close()


def test_an_error_closes_it_and_it_can_be_opened_again(device: LogDevice) -> None:
    log = scripted(device, errno.EIO)
    with pytest.raises(KernelLogError, match="EIO"):
        log.read(10)
    assert log.descriptor is None
    log.open()
    assert log.read(10).caught_up
    log.close()


def test_reading_what_is_not_open_is_an_error(device: LogDevice) -> None:
    with pytest.raises(KernelLogError, match="EBADF"):
        KernelLog(device.path).read(1)


def test_it_begins_once(device: LogDevice) -> None:
    log = KernelLog(device.path)
    assert log.begin()
    device.say("kept")
    assert not log.begin()
    assert texts(log) == ["kept"]
    log.close()


def test_a_file_is_read_from_its_end_or_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(record("old", 1))
    log = KernelLog(path)
    log.open()
    assert texts(log) == []
    log.open(from_boot=True)
    assert texts(log) == ["old"]
    log.close()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOENT, "PrivateDevices=no"),
        (errno.EPERM, "CAP_SYSLOG"),
        (errno.EACCES, "CAP_SYSLOG"),
        (errno.EIO, "EIO"),
    ],
)
def test_what_it_takes_to_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(KernelLogError, match=f"{re.escape(str(tmp_path / 'kmsg'))} cannot be read.*{remedy}"):
        KernelLog(tmp_path / "kmsg").check()


def test_a_path_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(KernelLogError, match="not a path"):
        KernelLog(tmp_path / "k\0msg").open()


def test_asking_whether_it_can_be_read_leaves_nothing_open(device: LogDevice) -> None:
    log = KernelLog(device.path)
    log.check()
    assert log.descriptor is None


def written(seconds: float) -> Record:
    return parse_record(record("x", 1, seconds))


def test_a_record_is_dated_by_the_time_since_boot() -> None:
    now = Now(wall=1000 * SECOND, mono=100 * SECOND)
    assert LogClock().time_of(written(90), now) == Now(wall=990 * SECOND, mono=90 * SECOND)


def test_nothing_happens_after_now() -> None:
    now = Now(wall=1000 * SECOND, mono=100 * SECOND)
    assert LogClock().time_of(written(101), now) == now


def test_the_clock_of_the_log_that_drifted_is_corrected_by_fresh_records() -> None:
    clock = LogClock()
    clock.observe(written(94.999), Now(wall=0, mono=100 * SECOND))  # 5 s behind, and 1 ms old
    now = Now(wall=1000 * SECOND, mono=101 * SECOND)
    assert clock.time_of(written(95.999), now) == now
    assert clock.time_of(written(90.999), now).mono == 96 * SECOND


def test_a_record_that_was_read_late_does_not_spoil_the_correction() -> None:
    clock = LogClock()
    clock.observe(written(99), Now(wall=0, mono=100 * SECOND))
    clock.observe(written(100), Now(wall=0, mono=130 * SECOND))
    # 30 s allow 30 ms of drift.
    assert clock.time_of(written(100), Now(wall=0, mono=130 * SECOND)).mono == 101_030_000_000


MARKER = "fabricscope test of /dev/kmsg, not a fault"


@pytest.mark.needs_root
def test_a_line_comes_back_from_the_machines_own_log() -> None:
    path = Path("/dev/kmsg")
    if not os.access(path, os.W_OK):
        pytest.skip(f"{path} cannot be written here")
    log = KernelLog(path)
    log.open()
    marker = f"{MARKER} ({os.getpid()})"
    with path.open("w") as writer:
        writer.write(f"<7>{marker}\n")
    batch = log.read(10_000)
    (found,) = [row for row in batch.records if row.text == marker]
    assert (found.facility, found.level, batch.caught_up) == (1, 7, True)
    log.close()
