from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import hwmon, sysfs
from probes.sources.hwmon import Attribute
from tests.fixtures import hwmon as fixture
from tests.fixtures.hwmon import HwmonTree


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("temp1_input", Attribute("temp", 1, "input")),
        ("temp12_crit_alarm", Attribute("temp", 12, "crit_alarm")),
        ("in0_lcrit", Attribute("in", 0, "lcrit")),
        ("intrusion0_alarm", Attribute("intrusion", 0, "alarm")),
        ("pwm1", None),
        ("pwm1_enable", None),
        ("name", None),
        ("temp_input", None),
        ("temp1", None),
        ("temp1_", None),
        ("temp12345_input", None),
        ("temp\u0661_input", None),
        ("temp1_input\n", None),
    ],
)
def test_files_by_their_names(name: str, attribute: Attribute | None) -> None:
    assert hwmon.parse_attribute(name) == attribute


@pytest.mark.parametrize(
    ("kind", "count", "value"),
    [
        ("temp", -40125, -40.125),
        ("temp", 65261850, None),
        ("temp", -273150, None),
        ("fan", 9600, 9600.0),
        ("in", 832, 0.832),
        ("curr", -500, -0.5),
        ("power", 812500000, 812.5),
        ("humidity", 41500, 0.415),
    ],
)
def test_numbers_in_their_units(kind: str, count: int, value: float | None) -> None:
    assert hwmon.scaled(kind, count) == value


@pytest.mark.parametrize(
    ("path", "device"),
    [
        ("devices/platform/coretemp.0/hwmon/hwmon0", "coretemp.0"),
        ("devices/pci0000:00/0000:00:01.0/0000:19:00.0/hwmon/hwmon3", "0000:19:00.0"),
        ("devices/pci0000:80/0000:80:01.0/0000:81:00.0/nvme/nvme0/hwmon5", "0000:81:00.0"),
        ("devices/pci0000:00/0000:00:1f.4/i2c-0/0-0018/hwmon/hwmon2", "0000:00:1f.4/0-0018"),
        ("devices/platform/80860F41:00/i2c-2/2-0048/hwmon/hwmon2", "2-0048"),
        ("devices/virtual/thermal/thermal_zone0/hwmon1", "thermal_zone0"),
        ("hwmon0", ""),
        ("", ""),
    ],
)
def test_the_device_that_a_chip_sits_on(path: str, device: str) -> None:
    assert hwmon.device_name(path.split("/")) == device


@given(st.text(max_size=80), st.integers(), st.sampled_from(sorted(hwmon.PER_UNIT)))
def test_any_name_and_number_gives_a_value_or_none(text: str, number: int, kind: str) -> None:
    attribute = hwmon.parse_attribute(text)
    if attribute is not None:
        assert f"{attribute.kind}{text[len(attribute.kind) :].split('_')[0]}_{attribute.item}" == text
    assert isinstance(hwmon.device_name(text.split("/")), str)
    value = hwmon.scaled(kind, number % (1 << 63))
    assert value is None or value * hwmon.PER_UNIT[kind] == pytest.approx(number % (1 << 63))


@given(content=st.binary(max_size=60))
def test_any_content_gives_a_number_or_a_typed_error(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("hwmon", numbered=True) / "temp1_input"
    path.write_bytes(content)
    try:
        value = hwmon.read(path)
    except sysfs.Unreadable as error:
        assert str(path) in str(error)
    else:
        assert isinstance(value, int)
        assert int(content.strip(b" \t\r\n\x00")) == value


def test_a_number_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "energy1_input").write_text(f"{1 << 63}\n")
    with pytest.raises(sysfs.Unreadable, match="64 bits"):
        hwmon.read(tmp_path / "energy1_input")


@pytest.mark.parametrize(("name", "silent"), [("ENODATA", True), ("EOPNOTSUPP", True), ("EIO", False)])
def test_a_sensor_with_nothing_to_say_is_not_one_that_fails(
    name: str, silent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, base: int = 10) -> int:
        raise sysfs.Unreadable(path, name)

    monkeypatch.setattr(sysfs, "read_int", refuse)
    if silent:
        assert hwmon.read(tmp_path) is None
    else:
        with pytest.raises(sysfs.Unreadable):
            hwmon.read(tmp_path)


def test_chips_with_their_names_and_devices(tmp_path: Path) -> None:
    found = hwmon.chips(fixture.gpu_node(tmp_path).directory)
    assert [(chip.device, chip.name) for chip in found] == [
        ("0000:00:1f.4/3-0058", "pmbus"),
        ("0000:19:00.0", "mlx5"),
        ("0000:81:00.0", "nvme"),
        ("coretemp.0", "coretemp"),
        ("nct6775.656", "nct6798"),
    ]
    assert {a.sensor: hwmon.read_label(found[1], a) for a in found[1].attributes} == {
        "temp1": "asic",
        "temp2": "Module0",
    }


def test_a_chip_keeps_its_name_when_its_number_changes(tmp_path: Path) -> None:
    for number, folder in ((3, "one"), (11, "two")):
        tree = HwmonTree(tmp_path / folder)
        tree.add(number, "mlx5", fixture.NIC, temp1_input=1)
    one, two = (hwmon.chips(tmp_path / folder / "class/hwmon") for folder in ("one", "two"))
    assert one[0][1:] == two[0][1:]


def test_chips_of_one_name_on_one_device_are_told_apart(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path)
    for number in (2, 10, 9):
        tree.add(number, "ibmpowernv", "platform/sensors", temp1_input=number)
    found = hwmon.chips(tree.directory)
    assert [(chip.device, chip.path.name) for chip in found] == [
        ("sensors", "hwmon2"),
        ("sensors#2", "hwmon9"),
        ("sensors#3", "hwmon10"),
    ]


def test_a_driver_of_old_has_its_files_beside_the_device(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path)
    path = tree.add(2, "", "platform/applesmc.768")
    (path / "device" / "fan1_input").write_text("1998\n")
    (path / "device" / "name").write_text("applesmc\n")
    (path / "name").unlink()
    (chip,) = hwmon.chips(tree.directory)
    assert (chip.name, chip.device, chip.attributes) == ("applesmc", "applesmc.768", (Attribute("fan", 1, "input"),))


def test_chips_without_known_files_and_links_that_lead_nowhere_are_left_out(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path)
    tree.add(0, "bogus", "platform/bogus.0", bogus1_input=1)
    (tree.directory / "hwmon7").symlink_to("hwmon7")
    (tree.directory / "hwmon8").symlink_to("../../devices/gone/hwmon8")
    assert hwmon.chips(tree.directory) == []
