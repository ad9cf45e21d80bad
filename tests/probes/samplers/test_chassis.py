from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Event, Kind, Now, Quality, Reading, Severity
from fabricscope.settings import convert
from probes.samplers.chassis import ChassisSampler, ChassisSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from tests.fixtures import hwmon as fixture
from tests.fixtures.hwmon import HwmonTree

START = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
SECOND = 1_000_000_000
CORE = ("coretemp.0", "coretemp", "temp1", "Package id 0")
ASIC = ("0000:19:00.0", "mlx5", "temp1", "asic")
MODULE = ("0000:19:00.0", "mlx5", "temp2", "Module0")
DRIVE = ("0000:81:00.0", "nvme", "temp1", "Composite")
BOARD = ("nct6775.656", "nct6798")
SUPPLY = ("0000:00:1f.4/3-0058", "pmbus")


@pytest.fixture
def tree(tmp_path: Path) -> HwmonTree:
    return fixture.gpu_node(tmp_path)


def sampler(tree: HwmonTree, **settings: object) -> ChassisSampler:
    return ChassisSampler(convert(settings, ChassisSettings, "chassis"), Roots(sys=str(tree.sys)))


def sampled(reader: ChassisSampler, now: Now = START) -> dict[tuple[str, ...], Reading]:
    """Readings by metric without its prefix, then labels."""
    rows = [row for row in reader.sample(now) if isinstance(row, Reading)]
    found = {(row.spec.name.removeprefix("fabricscope_chassis_"), *row.labels): row for row in rows}
    assert len(found) == len(rows)
    return found


def events(reader: ChassisSampler, now: Now = START) -> list[Event]:
    return [row for row in reader.sample(now) if isinstance(row, Event)]


def test_every_kind_of_sensor_in_its_unit(tree: HwmonTree) -> None:
    values = {key: row.value for key, row in sampled(sampler(tree)).items()}
    assert values["temperature_celsius", *CORE] == 41.0
    assert values["temperature_celsius", *ASIC] == 58.125
    assert values["temperature_celsius", *MODULE] == 47.0
    assert values["temperature_celsius", *DRIVE] == -2.0
    assert values["fan_revolutions_per_minute", *BOARD, "fan1", ""] == 9600.0
    assert values["voltage_volts", *BOARD, "in0", ""] == 0.832
    assert values["power_watts", *SUPPLY, "power1", ""] == 812.5
    assert values["current_amperes", *SUPPLY, "curr1", ""] == 67.7
    assert values["humidity_ratio", *SUPPLY, "humidity1", ""] == 0.415
    assert values["energy_joules_total", *SUPPLY, "energy1", ""] == 12345678
    assert values["sensors_left_out",] == 0.0


def test_limits_and_no_limit_that_nothing_reaches(tree: HwmonTree) -> None:
    limits = {key: row.value for key, row in sampled(sampler(tree)).items() if "limit" in key[0]}
    assert limits["temperature_limit_celsius", *CORE, "max"] == 84.0
    assert limits["temperature_limit_celsius", *MODULE, "crit"] == 80.0
    assert limits["fan_limit_revolutions_per_minute", *BOARD, "fan1", "", "min"] == 600.0
    assert limits["voltage_limit_volts", *BOARD, "in0", "", "max"] == 1.744
    assert limits["power_limit_watts", *SUPPLY, "power1", "", "cap"] == 2000.0
    assert not [key for key in limits if key[1:5] == DRIVE]  # 65,535 K and 0 K
    assert not [key for key in limits if key[-1] == "highest"]


def test_every_reading_is_in_the_table_and_of_its_kind(tree: HwmonTree) -> None:
    for row in sampled(sampler(tree)).values():
        assert row.spec in ChassisSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        if row.value is not None:
            assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


def test_energy_goes_through_the_pipeline_in_joules(tree: HwmonTree) -> None:
    processed = Pipeline("chassis", SECOND).process(sampler(tree).sample(START), START)
    (energy,) = processed.sampled.series_set.counters
    assert (energy.spec.per_unit, list(processed.sampled.batch.counters)) == (1_000_000, [12345678])


def test_a_broken_fan_has_no_speed_and_raises_its_alarm(tree: HwmonTree) -> None:
    rows = sampled(sampler(tree))
    fan = rows["fan_revolutions_per_minute", *BOARD, "fan2", ""]
    assert (fan.value, fan.quality) == (None, Quality.UNREADABLE)
    assert rows["alarm", *BOARD, "fan2", "", "fault"].value == 1.0
    assert rows["alarm", *BOARD, "fan1", "", "alarm"].value == 0.0
    assert rows["alarm", *BOARD, "intrusion0", "", "alarm"].value == 0.0
    assert rows["alarm", *CORE, "crit"].value == 0.0


def test_a_fan_that_stands_still_is_not_one_that_cannot_be_read(tree: HwmonTree) -> None:
    (tree.directory / "hwmon3" / "fan2_fault").write_text("0\n")
    fan = sampled(sampler(tree))["fan_revolutions_per_minute", *BOARD, "fan2", ""]
    assert (fan.value, fan.quality) == (0.0, Quality.OK)


def test_alarms_that_come_and_go_are_events(tree: HwmonTree) -> None:
    reader = sampler(tree)
    alarm = tree.directory / "hwmon0" / "temp1_crit_alarm"
    (tree.directory / "hwmon2" / "temp1_alarm").write_text("1\n")
    assert events(reader) == []  # the first sample is what later ones are compared with
    assert events(reader) == []
    alarm.write_text("1\n")
    (raised,) = events(reader)
    assert (raised.kind, raised.severity) == ("chassis.alarm", Severity.CRITICAL)
    assert raised.message == "coretemp on coretemp.0: crit alarm of Package id 0 raised"
    assert raised.subject == {"device": "coretemp.0", "chip": "coretemp", "sensor": "temp1"}
    assert raised.attributes == {"alarm": "crit", "label": "Package id 0"}
    alarm.write_text("garbage\n")
    assert events(reader) == []
    alarm.write_text("0\n")
    (cleared,) = events(reader)
    assert (cleared.kind, cleared.severity) == ("chassis.alarm_cleared", Severity.INFO)


@pytest.mark.parametrize("text", ["garbage\n", "", "4" * 41, "65535000\n"])
def test_what_is_no_temperature_is_unreadable_and_disturbs_no_other(tree: HwmonTree, text: str) -> None:
    (tree.directory / "hwmon1" / "temp2_input").write_text(text)
    rows = sampled(sampler(tree))
    assert rows["temperature_celsius", *MODULE].quality is Quality.UNREADABLE
    assert rows["temperature_celsius", *ASIC].value == 58.125


def test_energy_below_nothing_is_unreadable(tree: HwmonTree) -> None:
    (tree.directory / "hwmon4" / "energy1_input").write_text("-1\n")
    assert sampled(sampler(tree))["energy_joules_total", *SUPPLY, "energy1", ""].value is None


def test_an_average_stands_in_for_a_power_that_is_not_measured(tree: HwmonTree) -> None:
    tree.add(5, "power_meter", "LNXSYSTM:00/ACPI000D:00", power1_average=500000000)
    rows = sampled(sampler(tree))
    assert rows["power_watts", "ACPI000D:00", "power_meter", "power1", ""].value == 500.0


def test_a_file_that_makes_no_sense_is_passed_over(tree: HwmonTree) -> None:
    tree.add(5, "odd", "platform/odd.0", intrusion0_input=1, temp3_crit_hyst=5)
    assert not [key for key, row in sampled(sampler(tree)).items() if "odd" in row.labels]


def test_chips_that_come_are_seen_at_once_and_limits_within_a_minute(tree: HwmonTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    (tree.directory / "hwmon0" / "temp1_max").write_text("90000\n")

    def limit(seconds: int) -> int | float | None:
        rows = sampled(reader, Now(START.wall, START.mono + seconds * SECOND))
        return rows["temperature_limit_celsius", *CORE, "max"].value

    assert limit(59) == 84.0
    assert limit(60) == 90.0
    tree.add(5, "nvme", "pci0000:80/0000:82:00.0/nvme/nvme1", temp1_input=35000)
    assert ("temperature_celsius", "0000:82:00.0", "nvme", "temp1", "") in sampled(reader)
    (tree.directory / "hwmon5").unlink()
    assert ("temperature_celsius", "0000:82:00.0", "nvme", "temp1", "") not in sampled(reader)


@pytest.mark.parametrize("pattern", ["mlx5", "mlx*", "mlx5@0000:19:*"])
def test_chips_that_are_excluded(tree: HwmonTree, pattern: str) -> None:
    rows = sampled(sampler(tree, exclude=[pattern]))
    assert ("temperature_celsius", *ASIC) not in rows
    assert ("temperature_celsius", *CORE) in rows


def test_sensors_beyond_the_bound_are_counted(tree: HwmonTree) -> None:
    rows = sampled(sampler(tree, max_sensors=2))
    assert rows["sensors_left_out",].value == 10.0
    assert len({key[1:4] for key in rows if len(key) > 1}) == 2


def test_why_nothing_is_available(tree: HwmonTree, tmp_path: Path) -> None:
    assert sampler(tree).unavailable() is None
    assert "exclude all chips: pmbus@0000:00:1f.4/3-0058" in (sampler(tree, exclude=["*"]).unavailable() or "")
    assert "no sensor chip in" in (sampler(HwmonTree(tmp_path / "other")).unavailable() or "")


def test_a_tree_that_cannot_be_listed_fails_the_whole_sample(tree: HwmonTree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    reader = sampler(tree)
    with pytest.raises(OSError, match=r"cannot be listed: .*EACCES"):
        list(reader.sample(START))
    assert "EACCES" in (reader.unavailable() or "")


def test_labels_are_the_same_objects_from_sample_to_sample(tree: HwmonTree) -> None:
    reader = sampler(tree)
    first, second = (list(reader.sample(START)) for _ in range(2))
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if isinstance(a, Reading) and isinstance(b, Reading)]
    assert all(a.labels is b.labels for a, b in pairs)
