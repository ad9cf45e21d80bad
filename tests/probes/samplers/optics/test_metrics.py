from __future__ import annotations

from fabricscope.model import Kind, Quality, Reading
from probes.samplers.optics import metrics
from probes.sources import eeprom
from probes.sources.eeprom.module import Flag, Identity, Measurement, Observed, Thresholds
from tests.fixtures.eeprom import cmis_400g_dr4


def keyed(rows: list[Reading]) -> dict[tuple[str, ...], float | int | None]:
    return {(row.spec.name.removeprefix("fabricscope_optics_"), *row.labels): row.value for row in rows}


def test_names_units_and_sources() -> None:
    names = [spec.name for spec in metrics.TABLE]
    assert len(names) == len(set(names))
    for spec in metrics.TABLE:
        assert spec.kind is Kind.GAUGE
        assert not spec.unit or spec.name.endswith(f"_{spec.unit}")
        assert spec.source or spec is metrics.LEFT_OUT


def test_every_quantity_and_observation_has_a_metric() -> None:
    image = cmis_400g_dr4().image()
    module = eeprom.identify(image)
    assert set(module.thresholds) == set(metrics.LIMITS)
    rows = [
        *metrics.lasting("eth0", module.identity, module.thresholds),
        *metrics.moving("eth0", module.measure(image)),
    ]
    assert {row.spec for row in rows} <= set(metrics.TABLE)
    assert all(len(row.labels) == len(row.spec.labels) for row in rows)
    assert len(keyed(rows)) == len(rows)


def test_what_lasts() -> None:
    identity = Identity(
        standard="SFF-8636",
        form_factor="QSFP28",
        vendor="Lumen",
        part="P1",
        revision="B",
        serial="S1",
        media="100GBASE-SR4",
        connector="MPO 1x12",
        lengths={"OM3": 70.0, "OM4": 100.0},
    )
    limits = {"bias": Thresholds(0.015, 0.002, 0.014, 0.003)}
    rows = keyed(list(metrics.lasting("eth0", identity, limits)))
    labels = ("QSFP28", "SFF-8636", "Lumen", "P1", "B", "S1", "100GBASE-SR4", "MPO 1x12", "OM3 70, OM4 100", "")
    assert rows["info", "eth0", *labels] == 1.0
    assert rows["checksum_valid", "eth0"] == 1.0
    assert rows["bias_threshold_amperes", "eth0", "high_alarm"] == 0.015
    assert rows["bias_threshold_amperes", "eth0", "low_alarm"] == 0.002
    assert rows["bias_threshold_amperes", "eth0", "high_warning"] == 0.014
    assert rows["bias_threshold_amperes", "eth0", "low_warning"] == 0.003


def test_a_cable_has_one_length_and_a_wrong_checksum_shows() -> None:
    identity = Identity(
        standard="CMIS 4.0", form_factor="OSFP", lengths={"cable": 0.5}, bad_checksums=("page 00h bytes 128-221",)
    )
    rows = keyed(list(metrics.lasting("eth0", identity, {})))
    assert [key[10] for key in rows if key[0] == "info"] == ["0.5"]
    assert rows["checksum_valid", "eth0"] == 0.0


def test_what_moves() -> None:
    now = Measurement(
        temperature=40.0,
        supply=3.3,
        receive_power={1: 0.0, 2: 0.001},
        flags=(Flag("supply_low_alarm", 0, True), Flag("receive_los", 2, False)),
        state=3,
        data_paths={1: 4},
        observed=(
            Observed("bit_error_ratio", "current", "media", 0, 1e-6),
            Observed("snr", "current", "host", 3, 21.5),
        ),
    )
    assert keyed(list(metrics.moving("eth0", now))) == {
        ("temperature_celsius", "eth0"): 40.0,
        ("supply_volts", "eth0"): 3.3,
        ("module_state", "eth0"): 3.0,
        ("receive_power_watts", "eth0", "1"): 0.0,
        ("receive_power_watts", "eth0", "2"): 0.001,
        ("data_path_state", "eth0", "1"): 4.0,
        ("flag", "eth0", "", "supply_low_alarm"): 1.0,
        ("flag", "eth0", "2", "receive_los"): 0.0,
        ("bit_error_ratio", "eth0", "media", "", "current"): 1e-6,
        ("signal_to_noise_decibels", "eth0", "host", "3", "current"): 21.5,
    }


def test_what_a_module_says_and_cannot_be_is_unreadable() -> None:
    (row,) = metrics.moving("eth0", Measurement(observed=(Observed("bit_error_ratio", "current", "host", 0, None),)))
    assert (row.spec, row.value, row.quality) == (metrics.OBSERVED["bit_error_ratio"], None, Quality.UNREADABLE)


def test_what_a_module_does_not_measure_is_absent() -> None:
    assert list(metrics.moving("eth0", Measurement())) == []
