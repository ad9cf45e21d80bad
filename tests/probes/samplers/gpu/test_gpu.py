from __future__ import annotations

import pytest

from fabricscope.model import Quality, Reading
from probes.samplers.gpu import metrics
from probes.samplers.gpu.gpu import GpuSeries
from probes.sources.nvml.columns import ASK_AGAIN_NS
from probes.sources.nvml.replies import Ask, Call, GpuAnswer, Values
from probes.sources.nvml.roster import Gpu
from tests.fixtures.nvml.stub import SECOND

GPU = Gpu(0, "0000:17:00.0", 0, 0)
SLOW = 10 * SECOND
NOTHING = 3
IDENTITY = Call(0, ["GPU-1", "NVIDIA H100", "165", "96.00"])


def answer(ask: Ask, **calls: Call) -> GpuAnswer:
    """No field is supported, and of the calls those that are given."""
    plans = tuple(Values(0, [NOTHING << 32] * len(plan.pairs), [0] * len(plan.pairs)) for plan in ask.plans)
    return GpuAnswer(0, plans, {name: calls.get(name, Call(NOTHING, None)) for name in ask.calls})


def read(series: GpuSeries, now: int, **calls: Call) -> dict[tuple[str, ...], Reading]:
    rows = series.readings(answer(series.ask(now), **calls), GPU, "580.1", now)
    return {(row.spec.name.removeprefix("fabricscope_gpu_"), *row.labels): row for row in rows}


def test_what_seldom_changes_is_asked_for_seldom_and_stands_in_between() -> None:
    series = GpuSeries(0, SLOW)
    first = read(series, 0, identity=IDENTITY, power_limit=Call(0, 700000), temperature=Call(0, 30))
    assert first["power_limit_watts", "0"].value == 700.0
    assert first["info", "0", "GPU-1", "0000:17:00.0", "NVIDIA H100", "165", "580.1", "96.00"].value == 1.0
    between = series.ask(SLOW - 1)
    assert "power_limit" not in between.calls
    assert len(between.plans) == 1
    rows = read(series, SLOW - 1, temperature=Call(0, 31))
    assert rows["power_limit_watts", "0"] is first["power_limit_watts", "0"]
    assert rows["temperature_celsius", "0", "gpu"].value == 31.0
    assert "power_limit" in series.ask(SLOW).calls


def test_a_call_that_is_not_supported_is_made_again_after_a_minute() -> None:
    series = GpuSeries(0, SLOW)
    read(series, 0, temperature=Call(0, 30))
    assert "pcie_rates" not in series.ask(ASK_AGAIN_NS - 1).calls
    assert "pcie_rates" in series.ask(ASK_AGAIN_NS).calls


def test_power_comes_by_the_call_where_there_is_no_field() -> None:
    series = GpuSeries(0, SLOW)
    assert ("power_watts", "0") not in read(series, 0)
    assert read(series, 1, power=Call(0, 71500))["power_watts", "0"].value == 71.5


def test_reasons_of_power_and_heat_alone() -> None:
    rows = read(GpuSeries(0, SLOW), 0, clocks_event_reasons=Call(0, 0x1 | 0x4 | 0x40))
    assert {key[2]: row.value for key, row in rows.items() if key[0] == "throttled"} == {
        "sw_power_cap": 1.0,
        "hw_slowdown": 0.0,
        "sw_thermal": 0.0,
        "hw_thermal": 1.0,
        "hw_power_brake": 0.0,
    }


def test_traffic_is_in_bytes() -> None:
    rows = read(GpuSeries(0, SLOW), 0, pcie_rates=Call(0, [2.0, 0.5]))
    assert rows["pcie_transmit_bytes_per_second", "0"].value == 2 * 1024 * 1024
    assert rows["pcie_receive_bytes_per_second", "0"].value == 512 * 1024


@pytest.mark.parametrize("code", [21, 999])
def test_what_failed_is_unreadable(code: int) -> None:
    failed = Call(code, None)
    rows = read(GpuSeries(0, SLOW), 0, pcie_rates=failed, temperature=failed, clocks_event_reasons=failed)
    assert {key for key, row in rows.items() if row.quality is Quality.UNREADABLE} == {
        ("pcie_transmit_bytes_per_second", "0"),
        ("pcie_receive_bytes_per_second", "0"),
        ("temperature_celsius", "0", "gpu"),
        *(("throttled", "0", reason) for reason in metrics.REASONS),
    }


@pytest.mark.parametrize("value", [0xFFFFFFFF, "34", None, [34]])
def test_what_is_no_number_is_left_out(value: object) -> None:
    assert ("temperature_celsius", "0", "gpu") not in read(GpuSeries(0, SLOW), 0, temperature=Call(0, value))


def test_a_margin_may_be_below_zero() -> None:
    assert read(GpuSeries(0, SLOW), 0, temperature_margin=Call(0, -1))["temperature_margin_celsius", "0"].value == -1.0


def test_an_identity_of_another_form_has_no_texts_and_one_that_fails_leaves_the_last() -> None:
    series = GpuSeries(0, SLOW)
    read(series, 0, identity=IDENTITY)
    rows = read(series, SLOW, identity=Call(999, None))
    assert [key for key in rows if key[0] == "info"] == [
        ("info", "0", "GPU-1", "0000:17:00.0", "NVIDIA H100", "165", "580.1", "96.00")
    ]
    rows = read(series, 2 * SLOW, identity=Call(0, "what?"))
    assert [key for key in rows if key[0] == "info"] == [("info", "0", "", "0000:17:00.0", "", "", "580.1", "")]


def test_a_silent_gpu_has_no_numbers_and_is_still_described() -> None:
    series = GpuSeries(0, SLOW)
    read(series, 0, identity=IDENTITY, temperature=Call(0, 30))
    rows = {row.spec: row for row in series.silent(down=True)}
    assert rows[metrics.UP].value == 0.0
    assert rows[metrics.INFO].value == 1.0
    assert (rows[metrics.TEMPERATURE].value, rows[metrics.TEMPERATURE].quality) == (None, Quality.UNREADABLE)
    assert series.silent(down=False)[0].quality is Quality.UNREADABLE
    assert "identity" in series.ask(1).calls


def test_a_mig_instance_that_cannot_be_asked_about_for_a_moment_has_no_value() -> None:
    series = GpuSeries(0, SLOW)
    instance = ["MIG-1", "H100 MIG 3g.40gb", 1, 0]
    key = ("mig_instance_info", "0", "MIG-1", "H100 MIG 3g.40gb", "1", "0")
    assert read(series, 0, identity=IDENTITY, mig=Call(0, [instance]))[key].value == 1.0
    failed = read(series, SLOW, identity=IDENTITY, mig=Call(27, None))
    assert (failed[key].value, failed[key].quality) == (None, Quality.UNREADABLE)
    # It is told what there is even when the GPU does not say who it is.
    assert read(series, 2 * SLOW, identity=Call(27, None), mig=Call(0, [instance]))[key].value == 1.0
    assert key not in read(series, 3 * SLOW, identity=IDENTITY, mig=Call(0, []))
    read(series, 4 * SLOW, mig=Call(0, [instance]))
    assert key not in read(series, 5 * SLOW, mig=Call(NOTHING, None))
