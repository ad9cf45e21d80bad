from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from operator import is_
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.assemble import Assembler
from fabricscope.model import MetricSpec, Now, Quality, Reading
from probes.engine import CounterFiles
from probes.samplers.infiniband import InfinibandSampler, InfinibandSettings, metrics, sampler
from probes.samplers.infiniband.sampler import reading_of
from probes.sampling.sampler import Roots
from tests.fixtures import rdma_vendors
from tests.fixtures.descriptors import open_files
from tests.fixtures.infiniband import (
    COUNTERS,
    DIAGNOSTIC_COUNTERS,
    write_device,
    write_files,
    write_hca,
    write_host,
    write_port,
)
from tests.probes.following import Following, Watching

SECOND = 1_000_000_000
Values = dict[tuple[str, tuple[str, ...]], tuple[int | float | None, Quality]]
Make = Callable[..., InfinibandSampler]


def at(second: float) -> Now:
    return Now(wall=int(second * SECOND) + 1_700_000_000 * SECOND, mono=int(second * SECOND))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made = []

    def make(**settings: object) -> InfinibandSampler:
        made.append(InfinibandSampler(msgspec.convert(settings, InfinibandSettings), Roots(sys=str(tmp_path))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def values(readings: list[Reading]) -> Values:
    """By the name without what all have in common, and the labels."""
    found = {
        (row.spec.name.removeprefix("fabricscope_infiniband_"), row.labels): (row.value, row.quality)
        for row in readings
    }
    assert len(found) == len(readings), "a series was read twice"
    return found


def spec(file: str) -> MetricSpec:
    return metrics.BY_FILE["counters", file]


def test_a_host_of_8_hcas(tmp_path: Path, make: Make) -> None:
    write_host(tmp_path)
    readings = make().sample(at(0))
    counters = [row for row in readings if row.spec not in metrics.GAUGES]
    assert len(counters) == 392
    assert {row.quality for row in readings} == {Quality.OK}
    assert {row.labels[0] for row in counters} == {f"mlx5_{index}" for index in range(8)}
    sampled = Assembler("infiniband", SECOND).assemble(readings, at(0))
    assert len(sampled.batch.counters) == 392


def test_what_a_port_is_and_does(tmp_path: Path, make: Make) -> None:
    device = write_device(tmp_path, "mlx5_6", bus_address="0000:48:00.0")
    write_port(device, netdev="rail6", rate="200 Gb/sec (4X HDR)", counters={"port_rcv_data": 1 << 40}, hw_counters={})
    seen = values(make().sample(at(0)))
    port = ("mlx5_6", "1")
    assert {name: seen[name, port] for name, labels in seen if labels == port} == {
        "port_up": (1, Quality.OK),
        "port_state": (4, Quality.OK),
        "port_physical_state": (5, Quality.OK),
        "port_rate_bytes_per_second": (25e9, Quality.OK),
        "port_lanes": (4, Quality.OK),
        "port_statistics_lifespan_seconds": (0.01, Quality.OK),
        "port_receive_bytes_total": (1 << 40, Quality.OK),
    }
    info = next(labels for name, labels in seen if name == "port_info")
    assert info == (*port, "Ethernet", "rail6", "0x0", "fe80:0000:0000:0000:0200:5eff:0000:0001")
    info = next(labels for name, labels in seen if name == "device_info")
    assert info[:2] == ("mlx5_6", "28.43.1014")
    assert info[-1] == "0000:48:00.0"


def test_infiniband_ports_are_told_from_roce_ports(tmp_path: Path, make: Make) -> None:
    write_host(tmp_path)
    links = [labels[2:4] for name, labels in values(make().sample(at(0))) if name == "port_info"]
    assert sorted(links) == [("Ethernet", "rail6"), ("Ethernet", "rail7")] + [("InfiniBand", "")] * 6


@pytest.mark.parametrize(
    ("state", "up"), [("1: DOWN", 0), ("2: INIT", 0), ("3: ARMED", 0), ("4: ACTIVE", 1), ("5: ACTIVE_DEFER", 0)]
)
def test_up_is_active(tmp_path: Path, make: Make, state: str, up: int) -> None:
    write_port(write_device(tmp_path, "mlx5_0", bus_address="0000:1a:00.0"), state=state)
    seen = values(make().sample(at(0)))
    assert seen["port_up", ("mlx5_0", "1")] == (up, Quality.OK)
    assert seen["port_state", ("mlx5_0", "1")] == (int(state[0]), Quality.OK)


def test_a_link_that_comes_back_slower_is_a_change_and_one_that_is_down_is_not(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested, transitions = make(), Watching()

    def observe(second: int, state: str, rate: str) -> list[str]:
        write_files(port, {"state": state, "rate": rate})
        readings = tested.sample(at(second))
        kinds = [event.kind for event in transitions.observe(readings, at(second))]
        quality = Quality.STALE if state == "1: DOWN" else Quality.OK
        assert values(readings)["port_lanes", ("mlx5_0", "1")] == (2 if second == 2 else 4, quality)
        return kinds

    assert observe(0, "4: ACTIVE", "400 Gb/sec (4X NDR)") == []
    assert observe(1, "1: DOWN", "2.5 Gb/sec (1X SDR)") == ["infiniband.down"]
    assert observe(2, "4: ACTIVE", "200 Gb/sec (2X NDR)") == ["infiniband.up", "infiniband.changed"]


def test_a_port_that_was_never_up_has_no_rate(tmp_path: Path, make: Make) -> None:
    write_port(write_device(tmp_path, "mlx5_0", bus_address="0000:1a:00.0"), state="1: DOWN", rate="10 Gb/sec (4X SDR)")
    names = {name for name, _ in values(make().sample(at(0)))}
    assert "port_up" in names
    assert not {"port_lanes", "port_rate_bytes_per_second"} & names


def test_flaps_between_two_samples_are_seen(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    write_files(port, {"counters/link_downed": 3})
    tested, tracks, transitions = make(), Following(), Watching()
    transitions.observe(tracks.apply(tested.sample(at(0)), at(0)), at(0))
    write_files(port, {"counters/link_downed": 5})
    events = transitions.observe(tracks.apply(tested.sample(at(1)), at(1)), at(1))
    assert [(event.kind, event.subject) for event in events] == [
        ("infiniband.flapped", {"device": "mlx5_0", "port": "1"})
    ]


def test_no_pma_is_unreadable_not_zero(tmp_path: Path, make: Make) -> None:
    device = write_device(tmp_path, "mlx4_0", bus_address="0000:05:00.0")
    write_port(device, counters=dict.fromkeys(COUNTERS, "N/A (no PMA)"))
    seen = values(make().sample(at(0)))
    assert seen["port_symbol_errors_total", ("mlx4_0", "1")] == (None, Quality.UNREADABLE)
    assert len([value for value in seen.values() if value == (None, Quality.UNREADABLE)]) == len(COUNTERS)


def test_a_file_that_fails_leaves_the_others_alone(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    for name in ("counters/symbol_error", "state", "phys_state", "rate"):
        (port / name).unlink()
        (port / name).mkdir()
    seen = values(make().sample(at(0)))
    unreadable = {name for (name, _), value in seen.items() if value == (None, Quality.UNREADABLE)}
    assert unreadable == {
        "port_symbol_errors_total",
        "port_up",
        "port_state",
        "port_physical_state",
        "port_rate_bytes_per_second",
        "port_lanes",
    }
    assert seen["port_receive_bytes_total", ("mlx5_0", "1")][1] is Quality.OK


def test_what_is_absent_is_no_reading(tmp_path: Path, make: Make) -> None:
    device = write_device(tmp_path, "siw0", bus_address="0000:05:00.0")
    port = write_port(device)
    for name in ("state", "phys_state", "rate"):
        (port / name).unlink()
    names = {name for name, _ in values(make().sample(at(0)))}
    assert names == {"device_info", "port_info", "ports_left_out"}


@pytest.mark.parametrize("reason", ["ENOENT", "ENODEV", "ENXIO", "ENOSYS", "EOPNOTSUPP"])
def test_gone_or_unsupported_is_no_reading(reason: str) -> None:
    assert reading_of(spec("symbol_error"), ("mlx5_0", "1"), reason, extended=True) is None


@pytest.mark.parametrize("reason", ["EINVAL", "EIO", "EMFILE", "EACCES", "not a number: N/A (no PMA)"])
def test_other_errors_are_unreadable(reason: str) -> None:
    reading = reading_of(spec("symbol_error"), ("mlx5_0", "1"), reason, extended=True)
    assert reading is not None
    assert (reading.value, reading.quality) == (None, Quality.UNREADABLE)


@pytest.mark.parametrize(
    ("extended", "raw", "quality"),
    [
        (False, (1 << 32) - 1, Quality.SATURATED),
        (False, 1 << 32, Quality.OK),
        (False, (1 << 32) - 2, Quality.OK),
        (True, (1 << 32) - 1, Quality.OK),
    ],
)
def test_a_classic_data_counter_is_full_at_32_bits(extended: bool, raw: int, quality: Quality) -> None:
    reading = reading_of(spec("port_rcv_data"), ("mlx4_0", "1"), raw, extended=extended)
    assert reading is not None
    assert (reading.value, reading.quality) == (raw, quality)


def test_narrow_counters_are_saturated_at_their_ceilings(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    full = {
        "symbol_error": 65535,
        "link_downed": 255,
        "local_link_integrity_errors": 15,
        "port_xmit_wait": (1 << 32) - 1,
    }
    write_files(port / "counters", full)
    readings = Following().apply(make().sample(at(0)), at(0))
    assert {row.spec for row in readings if row.quality is Quality.SATURATED} == set(map(spec, full))


def test_a_queue_counter_that_went_round_goes_on(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested, tracks = make(), Following()
    seen = {}
    for second, raw in enumerate(((1 << 32) - 300, (1 << 32) - 100, 100)):
        write_files(port / "hw_counters", {"rx_write_requests": raw})
        seen = values(tracks.apply(tested.sample(at(second)), at(second)))
    assert seen["received_write_requests_total", ("mlx5_0", "1")] == ((1 << 32) + 100, Quality.OK)


def test_words_become_bytes(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    write_files(port / "counters", {"port_rcv_data": 1000})
    seen = values(Following().apply(make().sample(at(0)), at(0)))
    assert seen["port_receive_bytes_total", ("mlx5_0", "1")] == (4000, Quality.OK)


def test_counters_of_the_device_as_a_whole_have_no_port(tmp_path: Path, make: Make) -> None:
    write_device(tmp_path, "mlx4_0", bus_address="0000:05:00.0", hw_counters=dict.fromkeys(DIAGNOSTIC_COUNTERS, 7))
    counters = [row for row in make().sample(at(0)) if row.spec not in metrics.GAUGES]
    assert len(counters) == len(DIAGNOSTIC_COUNTERS)
    assert {row.labels for row in counters} == {("mlx4_0", "")}


def test_files_that_the_table_does_not_name_are_not_exported(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested = make()
    before = len(tested.sample(at(0)))
    write_files(port, {"counters/vendor_secret": 1, "hw_counters/vendor_secret": 2})
    assert len(tested.sample(at(100))) == before


def test_one_metric_by_two_names_is_read_once(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    write_files(port / "hw_counters", {"sq_num_to": 1})
    values(make().sample(at(0)))


def test_a_device_that_appears_is_found_and_one_that_goes_is_dropped(tmp_path: Path, make: Make) -> None:
    tested = make()
    assert tested.sample(at(0)) == []
    write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    assert {row.labels[0] for row in tested.sample(at(1)) if row.labels} == {"mlx5_0"}
    write_hca(tmp_path, "mlx5_1", bus_address="0000:20:00.0")
    assert {row.labels[0] for row in tested.sample(at(2)) if row.labels} == {"mlx5_0", "mlx5_1"}
    (tmp_path / "class/infiniband/mlx5_0").unlink()
    assert {row.labels[0] for row in tested.sample(at(3)) if row.labels} == {"mlx5_1"}
    assert not [path for path in open_files().values() if "mlx5_0" in path]


def test_a_device_that_is_replaced_under_its_name_is_read_anew(tmp_path: Path, make: Make) -> None:
    write_port(write_device(tmp_path, "mlx5_0", bus_address="0000:1a:00.0"), counters={"symbol_error": 1})
    tested = make()
    assert values(tested.sample(at(0)))["port_symbol_errors_total", ("mlx5_0", "1")] == (1, Quality.OK)
    (tmp_path / "class/infiniband/mlx5_0").unlink()
    write_port(write_device(tmp_path, "mlx5_0", bus_address="0000:99:00.0"), counters={"symbol_error": 9})
    assert values(tested.sample(at(1)))["port_symbol_errors_total", ("mlx5_0", "1")] == (9, Quality.OK)


def test_a_port_that_vanishes_in_the_middle_is_no_error(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested = make()
    tested.sample(at(0))
    port.rename(port.with_name("gone"))
    names = {name for name, _ in values(tested.sample(at(1)))}
    assert names == {"device_info", "ports_left_out"}


def test_what_the_firmware_says_of_itself_is_read_again_from_time_to_time(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested = make(rediscover_seconds=60.0)
    tested.sample(at(0))
    write_files(port, {"lid": "0x99"})

    def lid(second: int) -> str:
        return next(row.labels[4] for row in tested.sample(at(second)) if row.spec is metrics.PORT_INFO)

    assert lid(59) != "0x99"
    assert lid(60) == "0x99"


def test_descriptors_are_kept_from_sample_to_sample(tmp_path: Path, make: Make) -> None:
    write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested = make()
    tested.sample(at(0))
    held = open_files()
    tested.sample(at(1))
    tested.sample(at(100))
    assert open_files() == held
    tested.close()
    assert not [path for path in open_files().values() if path.startswith(str(tmp_path))]
    assert tested.sample(at(101))


def test_what_is_as_it_was_is_the_same_reading(tmp_path: Path, make: Make) -> None:
    port = write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    tested = make()
    before = tested.sample(at(0))
    assert all(map(is_, tested.sample(at(1)), before))
    write_files(port / "counters", {"symbol_error": 7})
    after = tested.sample(at(2))
    changed = [row for row, old in zip(after, before, strict=True) if row is not old]
    assert [(row.spec, row.value) for row in changed] == [(spec("symbol_error"), 7)]


def test_a_ports_files_are_read_back_to_back(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # They share one refresh of the firmware, which ends after the lifespan of 10 ms.
    reads: list[set[str]] = []

    class Recorded:
        def __init__(self, paths: Sequence[str]) -> None:
            self._files = CounterFiles(paths)
            self._of = {str(Path(path).parent.parent) for path in paths}

        def changes(self) -> list[tuple[int, int | str]]:
            reads.append(self._of)
            return self._files.changes()

        def close(self) -> None:
            self._files.close()

    monkeypatch.setattr(sampler, "CounterFiles", Recorded)
    write_host(tmp_path)
    make().sample(at(0))
    ports = [str(tmp_path / "class" / "infiniband" / f"mlx5_{index}" / "ports" / "1") for index in range(8)]
    assert sorted(port for of in reads for port in of) == ports
    assert all(len(of) == 1 for of in reads)


def test_devices_are_chosen_by_name(tmp_path: Path, make: Make) -> None:
    write_host(tmp_path)
    readings = make(include=["mlx5_[0-3]", "mlx5_7"], exclude=["*_1"]).sample(at(0))
    assert {row.labels[0] for row in readings if row.labels} == {"mlx5_0", "mlx5_2", "mlx5_3", "mlx5_7"}


def test_ports_beyond_the_bound_are_counted(tmp_path: Path, make: Make) -> None:
    write_host(tmp_path)
    readings = make(max_ports=3).sample(at(0))
    assert values(readings)["ports_left_out", ()] == (5, Quality.OK)
    assert {row.labels[0] for row in readings if row.spec is metrics.UP} == {"mlx5_0", "mlx5_1", "mlx5_2"}


def test_a_class_that_cannot_be_listed_is_an_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(OSError, match="class/infiniband: EACCES"):
        make().sample(at(0))
    assert "EACCES" in (make().unavailable() or "")


def test_why_there_is_nothing_to_sample(tmp_path: Path, make: Make) -> None:
    tested = make(exclude=["mlx5_*"])
    assert "no RDMA device in" in (tested.unavailable() or "")
    write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    assert tested.unavailable() == "the settings include none of the devices mlx5_0"
    assert make().unavailable() is None


def test_the_table_has_everything_that_is_yielded(tmp_path: Path, make: Make) -> None:
    write_host(tmp_path)
    assert {row.spec for row in make().sample(at(0))} <= set(InfinibandSampler.metrics)
    assert all(len(row.labels) == len(row.spec.labels) for row in make().sample(at(0)))


@pytest.fixture(scope="module")
def hostile_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sys = tmp_path_factory.mktemp("hostile")
    write_hca(sys, "mlx5_0", bus_address="0000:1a:00.0", netdev="rail0")
    return sys


@given(content=st.binary(max_size=80), number=st.integers(min_value=0))
def test_any_text_gives_readings_that_can_be_sent(hostile_host: Path, content: bytes, number: int) -> None:
    files = [path for path in hostile_host.rglob("*") if path.is_file()]
    files[number % len(files)].write_bytes(content)
    tested = sampler.InfinibandSampler(InfinibandSettings(), Roots(sys=str(hostile_host)))
    readings = tested.sample(at(0))
    tested.close()
    Assembler("infiniband", SECOND).assemble(Following().apply(readings, at(0)), at(0))
    assert all(label.isprintable() for row in readings for label in row.labels)


@pytest.mark.parametrize(
    ("device", "port_files", "device_files"),
    [
        ("bnxt_re0", rdma_vendors.BNXT_RE, []),
        ("irdma0", rdma_vendors.IRDMA, []),
        ("irdma1", rdma_vendors.IRDMA_THIRD_GENERATION, []),
        ("ionic_0", rdma_vendors.IONIC, []),
        ("rdmap0s6", rdma_vendors.EFA, rdma_vendors.EFA_DEVICE),
        ("rxe0", rdma_vendors.RXE, []),
    ],
)
def test_every_counter_of_other_vendors(
    tmp_path: Path, make: Make, device: str, port_files: list[str], device_files: list[str]
) -> None:
    of_device = dict.fromkeys(device_files, 5) if device_files else None
    path = write_device(tmp_path, device, bus_address="0000:1a:00.0", hw_counters=of_device)
    write_port(path, netdev="rail0", hw_counters={file: 1 << 40 | at for at, file in enumerate(port_files)})
    readings = [row for row in make().sample(at(0)) if row.spec not in metrics.GAUGES]
    ports = [row for row in readings if row.labels == (device, "1")]
    assert sorted(row.value or 0 for row in ports) == [1 << 40 | at for at in range(len(port_files))]
    assert [row.value for row in readings if row.labels == (device, "")] == [5] * len(device_files)
