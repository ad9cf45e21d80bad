from __future__ import annotations

import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Event, Kind, Now, Reading, Severity
from fabricscope.settings import convert
from probes.samplers.kernel import KernelSampler, KernelSettings, metrics
from probes.samplers.kernel.lines import kinds
from probes.samplers.kernel.repeats import PERIOD_NS
from probes.samplers.kernel.rules import RULES
from probes.samplers.kernel.sampler import MAX_NUMBERED
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots, Waking
from probes.sources.kmsg import KernelLog, KernelLogError
from tests.fixtures.kernel_log import LogDevice, record

SECOND = 1_000_000_000
UP_FOR = 1_000_000
"""Seconds that the host has been up for when a test begins."""
START = Now(wall=1_700_000_000 * SECOND, mono=UP_FOR * SECOND)
XID_79 = "NVRM: Xid (PCI:0000:19:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def later(seconds: float) -> Now:
    return Now(START.wall + round(seconds * SECOND), START.mono + round(seconds * SECOND))


@pytest.fixture
def device(tmp_path: Path) -> Iterator[LogDevice]:
    made = LogDevice(tmp_path)
    yield made
    made.close()


def sampler(device: LogDevice, **settings: object) -> KernelSampler:
    """A sampler that has read all there was."""
    made = opened(device, **settings)
    made.sample(START)
    return made


def opened(device: LogDevice, **settings: object) -> KernelSampler:
    return KernelSampler(convert(settings, KernelSettings, "kernel"), Roots(dev=str(device.path.parent)))


def events(reader: KernelSampler, now: Now = START) -> list[Event]:
    return [row for row in reader.sample(now) if isinstance(row, Event)]


def values(reader: KernelSampler, now: Now = START) -> dict[tuple[str, ...], int | float | None]:
    """Readings by metric without its prefix, then labels."""
    rows = [row for row in reader.sample(now) if isinstance(row, Reading)]
    return {(row.spec.name.removeprefix("fabricscope_kernel_"), *row.labels): row.value for row in rows}


def test_a_gpu_that_fell_off_the_bus(device: LogDevice) -> None:
    reader = sampler(device)
    device.say(XID_79, seconds=UP_FOR + 0.5)
    (event,) = events(reader, later(1))
    assert (event.kind, event.severity, event.subject) == (
        "kernel.xid",
        Severity.CRITICAL,
        {"address": "0000:19:00.0"},
    )
    assert event.message.startswith("0000:19:00.0: Xid 79, GPU has fallen off the bus; drain the host")
    assert (event.attributes["number"], event.attributes["text"]) == ("79", XID_79)
    rows = values(reader, later(1))
    assert rows["events_total", "kernel.xid", "critical"] == 1
    assert rows["xid_errors_total", "0000:19:00.0", "79"] == 1
    assert rows["records_total",] == 1


def test_it_wakes_with_the_line_and_the_event_is_dated_by_it(device: LogDevice) -> None:
    reader = sampler(device)
    assert isinstance(reader, Waking)
    descriptor = reader.wake_descriptor()
    assert descriptor is not None
    assert select.select([descriptor], [], [], 0)[0] == []
    device.say(XID_79, seconds=UP_FOR + 0.5)
    assert select.select([descriptor], [], [], 0)[0] == [descriptor]
    (event,) = events(reader, later(0.502))
    # Nothing else shows how printk's clock runs, so the first fresh line is taken to be of this moment.
    assert (event.time_unix_ns, event.monotonic_ns) == later(0.502)
    device.say(XID_79, seconds=UP_FOR + 0.7)
    (event,) = events(reader, later(0.9))
    assert event.monotonic_ns == pytest.approx(later(0.702).mono, abs=SECOND / 1000)
    assert select.select([descriptor], [], [], 0)[0] == []


def test_a_number_that_is_not_of_the_fabric_is_an_event_too(device: LogDevice) -> None:
    reader = sampler(device)
    device.say("nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 33333, Non-fatal, something")
    (event,) = events(reader)
    assert (event.kind, event.severity) == ("kernel.sxid", Severity.WARNING)
    assert values(reader)["sxid_errors_total", "0000:06:00.0", "33333"] == 1


def test_the_device_that_the_record_names(device: LogDevice) -> None:
    reader = sampler(device)
    device.say("Port module event: module 0, Cable unplugged", device="+pci:0000:5c:00.0")
    assert events(reader)[0].subject == {"address": "0000:5c:00.0"}


AER = [
    "pcieport 0000:15:01.0: AER: Corrected error received: 0000:19:00.0",
    "mlx5_core 0000:19:00.0: PCIe Bus Error: severity=Corrected, type=Data Link Layer, (Receiver ID)",
    "mlx5_core 0000:19:00.0:   device [15b3:1021] error status/mask=000000c0/00002000",
    "mlx5_core 0000:19:00.0:    [ 6] BadTLP                ",
    "mlx5_core 0000:19:00.0:    [ 7] BadDLLP                (First)",
]


def test_the_lines_of_one_pcie_error_are_one_event(device: LogDevice) -> None:
    reader = sampler(device)
    for line in AER:
        device.say(line)
    received, event = events(reader)
    assert (received.kind, received.attributes["port"]) == ("kernel.aer_received", "0000:15:01.0")
    assert (event.kind, event.subject) == ("kernel.aer", {"address": "0000:19:00.0"})
    told = {name: event.attributes[name] for name in ("layer", "status", "errors")}
    assert told == {"layer": "Data Link Layer", "status": "000000c0", "errors": "BadTLP, BadDLLP"}
    assert values(reader)["events_total", "kernel.aer", "info"] == 1


def test_a_line_is_added_to_the_error_of_its_own_device(device: LogDevice) -> None:
    reader = sampler(device)
    for line in (AER[1], AER[1].replace("0000:19", "0000:3b"), AER[3]):
        device.say(line)
    first, second = events(reader)
    assert first.attributes["errors"] == "BadTLP"
    assert "errors" not in second.attributes


def test_a_line_that_comes_too_late_is_no_event_by_itself(device: LogDevice) -> None:
    reader = sampler(device)
    device.say(AER[1])
    assert len(events(reader)) == 1
    device.say(AER[3])
    assert events(reader) == []


def test_the_device_of_a_hardware_error_comes_in_a_line_of_its_own(device: LogDevice) -> None:
    reader = sampler(device)
    for line in ("event severity: recoverable", " Error 0, type: recoverable", "  section_type: PCIe error"):
        device.say(f"{{1}}[Hardware Error]: {line}")
    device.say("{1}[Hardware Error]:   device_id: 0000:11:01.0")
    (event,) = events(reader)
    assert (event.subject, event.attributes["section"]) == ({"address": "0000:11:01.0"}, "PCIe error")


def test_what_a_program_writes_is_believed_only_when_that_is_asked_for(device: LogDevice) -> None:
    reader = sampler(device)
    device.say(XID_79, priority=12)
    assert events(reader) == []
    assert values(reader)["records_total",] == 1
    reader = sampler(device, written_lines=True)
    device.say(XID_79, priority=12)
    assert len(events(reader)) == 1


def test_counters_are_there_from_the_start_and_at_0(device: LogDevice) -> None:
    rows = values(opened(device))
    assert {key[1:] for key in rows if key[0] == "events_total"} == {
        (kind, severity.name.lower()) for kind, severity in kinds(RULES)
    }
    assert set(rows.values()) == {0}


def test_every_reading_is_in_the_table_and_of_its_kind(device: LogDevice) -> None:
    reader = sampler(device)
    device.say(XID_79)
    for row in reader.sample(START):
        if isinstance(row, Reading):
            assert row.spec in KernelSampler.metrics
            assert len(row.labels) == len(row.spec.labels)
            assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


def test_a_quiet_sample_yields_the_very_same_readings(device: LogDevice) -> None:
    reader = sampler(device)
    before, after = reader.sample(START), reader.sample(later(1))
    assert len(before) == len(after)
    assert all(one is other for one, other in zip(before, after, strict=True))


def test_events_and_readings_go_through_the_pipeline(device: LogDevice) -> None:
    reader, pipeline = sampler(device), Pipeline("kernel", SECOND)
    for line in (XID_79, *AER):
        device.say(line)
    processed = pipeline.process(reader.sample(later(1)), later(1))
    assert [event.kind for event in processed.events] == ["kernel.xid", "kernel.aer_received", "kernel.aer"]


def test_more_of_one_thing_than_is_of_use_is_counted_and_told_of_once(device: LogDevice) -> None:
    reader = sampler(device, events_per_minute=3)
    for _ in range(10):
        device.say(XID_79)
    device.say(XID_79.replace("0000:19", "0000:3b"))
    assert len(events(reader, later(1))) == 4
    rows = values(reader, later(2))
    assert (rows["events_total", "kernel.xid", "critical"], rows["events_suppressed_total",]) == (11, 7)
    assert events(reader, later(60)) == []
    (event,) = events(reader, Now(later(1).wall, later(1).mono + PERIOD_NS))
    assert (event.kind, event.severity, event.subject) == (
        "kernel.repeated",
        Severity.CRITICAL,
        {"address": "0000:19:00.0"},
    )
    assert (event.attributes["kind"], event.attributes["repeats"]) == ("kernel.xid", "7")
    assert event.message.startswith("7 more like it within a minute: 0000:19:00.0: Xid 79")
    device.say(XID_79)
    assert len(events(reader, later(120))) == 1


class Endless:
    """A log that is written faster than it can be read, and overwritten meanwhile."""

    def __init__(self) -> None:
        self.sequence = 0

    def __call__(self, descriptor: int, length: int) -> bytes:
        self.sequence += 1
        if self.sequence % 1000 == 0:
            self.sequence += 5000
            raise OSError(errno.EPIPE, "overwritten")
        return record(XID_79, self.sequence)


def test_a_flood_is_read_in_portions_and_wakes_nobody(device: LogDevice) -> None:
    settings = convert({"max_records": 1500}, KernelSettings, "kernel")
    reader = KernelSampler(settings, Roots(), KernelLog(device.path, Endless()))
    told = sum(len(events(reader, later(second))) for second in range(5))
    assert reader.wake_descriptor() is None
    rows = values(reader, later(5))
    assert rows["records_total",] == 6 * 1500
    assert rows["records_lost_total",] == 9 * 5000 + 9
    assert told == settings.events_per_minute


def test_pairs_with_a_series_of_their_own_are_bounded(device: LogDevice) -> None:
    reader = sampler(device, max_records=2000)
    for number in range(MAX_NUMBERED + 50):
        device.say(f"NVRM: Xid (PCI:0000:{number >> 8:02x}:00): {number}, x")
        if number % 100 == 0:  # a pipe holds some 250
            reader.sample(START)
    device.say("NVRM: Xid (PCI:0000:00:00): 1, x")
    rows = values(reader)
    assert len([key for key in rows if key[0] == "xid_errors_total"]) == MAX_NUMBERED
    assert rows["series_left_out",] == 50
    assert rows["xid_errors_total", "0000:00:00.0", "1"] == 2


def test_records_that_cannot_be_understood_are_counted(device: LogDevice) -> None:
    reader = sampler(device)
    device.write(b"rubbish")
    assert values(reader)["records_malformed_total",] == 1


def log_file(tmp_path: Path, *lines: str, **settings: int) -> KernelSampler:
    """A sampler of a log that can be read from its beginning."""
    (tmp_path / "kmsg").write_bytes(record(lines[0], 1, seconds=7))
    return KernelSampler(convert(settings, KernelSettings, "kernel"), Roots(dev=str(tmp_path)))


def test_a_restart_or_a_reload_soon_after_the_boot_repeats_nothing(tmp_path: Path) -> None:
    for second in (20, 21):
        assert events(log_file(tmp_path, XID_79), Now(wall=1000 * SECOND, mono=second * SECOND)) == []


def test_soon_after_the_boot_what_was_logged_before_is_read_too_where_that_is_asked_for(tmp_path: Path) -> None:
    reader = log_file(tmp_path, XID_79, boot_seconds=300)
    (event,) = events(reader, Now(wall=1000 * SECOND, mono=20 * SECOND))
    assert (event.time_unix_ns, event.monotonic_ns) == (987 * SECOND, 7 * SECOND)
    reader.close()
    assert events(reader, Now(wall=1001 * SECOND, mono=21 * SECOND)) == []


def test_a_probe_that_starts_later_repeats_nothing(tmp_path: Path) -> None:
    assert events(log_file(tmp_path, XID_79, boot_seconds=300), Now(wall=1000 * SECOND, mono=301 * SECOND)) == []


def test_a_log_that_fails_is_opened_again(device: LogDevice) -> None:
    def fail(descriptor: int, length: int) -> bytes:
        raise OSError(errno.EIO, "broken")

    reader = KernelSampler(KernelSettings(), Roots(), KernelLog(device.path, fail))
    for _ in range(2):
        with pytest.raises(KernelLogError, match="EIO"):
            reader.sample(START)
        assert reader.wake_descriptor() is None


def test_why_nothing_is_available(tmp_path: Path, device: LogDevice) -> None:
    assert opened(device).unavailable() is None
    nowhere = KernelSampler(KernelSettings(), Roots(dev=str(tmp_path / "nowhere")))
    assert "PrivateDevices=no" in (nowhere.unavailable() or "")
    with pytest.raises(OSError, match="cannot be read"):
        nowhere.sample(START)


def test_asking_for_it_does_not_disturb_the_reading(device: LogDevice) -> None:
    reader = sampler(device)
    device.say(XID_79)
    assert reader.unavailable() is None
    assert len(events(reader)) == 1


def test_closing_gives_the_descriptor_back(device: LogDevice) -> None:
    reader = sampler(device)
    descriptor = reader.wake_descriptor()
    assert descriptor is not None
    reader.close()
    assert reader.wake_descriptor() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_series_left_out_are_a_gauge() -> None:
    assert metrics.LEFT_OUT.kind is Kind.GAUGE


@pytest.mark.needs_root
def test_a_line_in_the_machines_own_log_becomes_an_event() -> None:
    path = Path("/dev/kmsg")
    if not os.access(path, os.W_OK):
        pytest.skip(f"{path} cannot be written here")
    reader = KernelSampler(KernelSettings(written_lines=True), Roots())
    reader.sample(system_clock())
    descriptor = reader.wake_descriptor()
    assert descriptor is not None
    marker = f"a drill of the tests, process {os.getpid()}"
    before = system_clock()
    with path.open("w") as writer:
        writer.write(f"<7>NVRM: Xid (PCI:0000:fe:1f): 45, {marker}\n")
    assert select.select([descriptor], [], [], 10)[0] == [descriptor]
    now = system_clock()
    (event,) = [row for row in events(reader, now) if marker in row.attributes["text"]]
    assert (event.kind, event.subject) == ("kernel.xid", {"address": "0000:fe:1f.0"})
    assert before.mono <= event.monotonic_ns <= now.mono
    reader.close()
