"""Whole stories of a host, told in virtual time with the rules as they are shipped."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fabricscope.model import Event, Quality, Severity
from tests.probes.health.host import DAY, HOUR, MINUTE, SECOND, START, Host, at, rules, specs, told

IB = {"device": "mlx5_0", "port": "1"}
GBIT = 125_000_000


def ib_port(host: Host, device: str = "mlx5_0", *, up: float = 1, gbit: int = 400, physical: float = 5) -> None:
    place = {"device": device, "port": "1"}
    host.set("fabricscope_infiniband_port_info", 1, **place, link_layer="InfiniBand")
    host.set("fabricscope_infiniband_device_info", 1, device=device, board_id="MT_0000000838")
    host.set("fabricscope_infiniband_port_up", up, **place)
    host.set("fabricscope_infiniband_port_physical_state", physical, **place)
    host.set("fabricscope_infiniband_port_rate_bytes_per_second", gbit * GBIT, **place)
    host.set("fabricscope_infiniband_port_lanes", 4, **place)


def test_a_port_goes_down_and_comes_back() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    assert host.run(MINUTE) == []
    ib_port(host, up=0, physical=2)
    assert host.run(29) == []
    (raised,) = host.run(2)
    assert (raised.kind, raised.severity, raised.subject) == ("verdict.raised", Severity.CRITICAL, IB)
    assert raised.attributes["value"] == "0"
    assert "fabricscope_infiniband_port_up" in raised.attributes["evidence"]
    assert "rdma link show mlx5_0/1" in raised.attributes["next_step"]
    ib_port(host)
    assert host.run(5 * MINUTE - 1) == []
    (cleared,) = host.run(3)
    assert (cleared.kind, cleared.attributes["reason"]) == ("verdict.cleared", "the cause is gone")
    assert host.active() == []


def test_a_port_without_a_cable_is_not_judged() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host, up=0, physical=2)
    assert host.run(HOUR) == []


def test_a_port_that_trains_has_a_cable() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host, up=0, physical=4)
    assert told(host.run(MINUTE)) == [("raised", "ib-port-down")]


def test_a_port_stays_down_for_longer_than_it_is_remembered_that_it_was_up() -> None:
    host = Host(rules("ib-port-down"), step=30)
    ib_port(host)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    assert told(host.run(2 * DAY)) == [("raised", "ib-port-down")]
    assert host.active() == [("ib-port-down", "critical")]


def test_an_interface_that_somebody_switches_off_is_not_down() -> None:
    host = Host(rules("ethernet-port-down"))
    for name, value in (("up", 1), ("admin_up", 1)):
        host.set(f"fabricscope_ethernet_{name}", value, device="eth0")
    host.set("fabricscope_ethernet_info", 1, device="eth0", driver="mlx5_core")
    host.run(MINUTE)
    host.set("fabricscope_ethernet_up", 0, device="eth0")
    assert told(host.run(MINUTE)) == [("raised", "ethernet-port-down")]
    host.set("fabricscope_ethernet_admin_up", 0, device="eth0")
    (cleared,) = host.run(6 * MINUTE)
    assert cleared.attributes["reason"] == "the rule no longer applies to it"


@pytest.mark.parametrize("kind", ["bond", "vlan", "veth"])
def test_what_is_no_hardware_may_go_down(kind: str) -> None:
    host = Host(rules("ethernet-port-down"))
    host.set("fabricscope_ethernet_info", 1, device="x", kind=kind)
    host.set("fabricscope_ethernet_admin_up", 1, device="x")
    host.set("fabricscope_ethernet_up", 1, device="x")
    host.run(MINUTE)
    host.set("fabricscope_ethernet_up", 0, device="x")
    assert host.run(HOUR) == []


def test_a_port_flaps_five_times_in_a_minute_and_is_held_down() -> None:
    host = Host(rules("ethernet-port-flapping"))
    host.set("fabricscope_ethernet_info", 1, device="eth0")
    host.set("fabricscope_ethernet_carrier_changes_total", 7, device="eth0")
    host.run(20 * MINUTE)
    events = []
    for _ in range(5):
        # Down and up again between two samples: no sample ever sees it down.
        host.add("fabricscope_ethernet_carrier_changes_total", 2, device="eth0")
        events += host.run(12)
    assert told(events) == [("raised", "ethernet-port-flapping")]
    assert "5 times in 15m" in host.health.verdicts(at(host.seconds))[0].summary
    # The window empties, then the hold-down runs; one flap meanwhile does not raise it a second time.
    assert host.run(20 * MINUTE) == []
    assert told(host.run(40 * MINUTE)) == [("cleared", "ethernet-port-flapping")]


def test_flaps_are_counted_once_although_several_counters_see_them() -> None:
    host = Host(rules("ethernet-port-flapping"))
    host.set("fabricscope_ethernet_info", 1, device="eth0")
    counters = {"carrier_changes": 2, "carrier_down_changes": 1}
    for name in counters:
        host.set(f"fabricscope_ethernet_{name}_total", 0, device="eth0")
    host.run(MINUTE)
    for _ in range(2):
        for name, by in counters.items():
            host.add(f"fabricscope_ethernet_{name}_total", by, device="eth0")
        assert host.run(5) == []


def test_a_reset_counter_with_a_large_value_behind_it_is_nothing() -> None:
    host = Host(rules("ib-bit-errors", "ib-link-recoveries", "ib-port-flapping"))
    ib_port(host)
    for name in ("symbol_errors", "link_error_recoveries", "link_downed"):
        host.set(f"fabricscope_infiniband_port_{name}_total", 100, **IB)
    host.run(20 * MINUTE)
    for name in ("symbol_errors", "link_error_recoveries", "link_downed"):
        host.set(f"fabricscope_infiniband_port_{name}_total", 0, **IB)
    host.run(1)
    # Somebody cleared them, and what is there after the next clearing had been counted at any time.
    for name, value in (("symbol_errors", 60_000), ("link_error_recoveries", 200), ("link_downed", 200)):
        host.set(f"fabricscope_infiniband_port_{name}_total", value, Quality.RESET, **IB)
        host.run(1)
        host.set(f"fabricscope_infiniband_port_{name}_total", value, **IB)
    assert host.run(2 * HOUR) == []


def test_a_counter_that_is_full_is_told_and_raises_nothing_else() -> None:
    host = Host(rules("counters-saturated", "ib-port-flapping"))
    ib_port(host)
    host.set("fabricscope_infiniband_port_link_downed_total", 254, **IB)
    host.run(20 * MINUTE)
    host.set("fabricscope_infiniband_port_link_downed_total", 255, **IB)
    assert told(host.run(5)) == [("raised", "counters-saturated")]
    host.set("fabricscope_infiniband_port_link_downed_total", 0, **IB)
    assert told(host.run(5)) == [("cleared", "counters-saturated")]


def test_bit_errors_beyond_the_standard_and_far_beyond_it() -> None:
    host = Host(rules("ib-bit-errors"))
    ib_port(host)
    errors = "fabricscope_infiniband_port_symbol_errors_total"
    host.set(errors, 0, **IB)
    host.run(6 * MINUTE)
    for _ in range(60):  # 0.1 a second at 400 Gbit/s is 2.5e-13
        host.add(errors, 1, **IB)
        assert host.run(10) == []
    events = []
    for _ in range(60):  # 2 a second is 5e-12
        host.add(errors, 20, **IB)
        events += host.run(10)
    assert told(events) == [("raised", "ib-bit-errors")]
    assert events[0].severity is Severity.WARNING


def test_the_slow_one_of_eight_is_told_and_the_others_are_not() -> None:
    host = Host(rules("ib-port-slower-than-peers"))
    for number in range(8):
        ib_port(host, f"mlx5_{number}", gbit=200 if number == 3 else 400)
    (raised,) = host.run(2 * MINUTE)
    assert raised.subject == {"device": "mlx5_3", "port": "1"}
    assert "200 Gbit/s (25 GB/s), limit 396 Gbit/s (49.5 GB/s)" in raised.message


def test_adapters_of_another_model_are_no_peers() -> None:
    host = Host(rules("ib-port-slower-than-peers"))
    for number in range(8):
        ib_port(host, f"mlx5_{number}")
    for number in (8, 9):
        ib_port(host, f"mlx5_{number}", gbit=200)
        host.take_out("fabricscope_infiniband_device_info", device=f"mlx5_{number}", board_id="MT_0000000838")
        host.set("fabricscope_infiniband_device_info", 1, device=f"mlx5_{number}", board_id="MT_0000000359")
    assert host.run(HOUR) == []


def test_a_port_that_is_down_is_not_slow_and_nobodys_peer() -> None:
    host = Host(rules("ib-port-slower-than-peers"))
    for number in range(5):
        ib_port(host, f"mlx5_{number}", up=number < 3, gbit=400 if number < 3 else 10)
    assert host.run(HOUR) == []


def test_a_port_trains_to_less_than_it_had() -> None:
    host = Host(rules("ib-port-speed-fell"))
    ib_port(host)
    host.run(HOUR)
    ib_port(host, gbit=200)
    assert told(host.run(2 * MINUTE)) == [("raised", "ib-port-speed-fell")]
    ib_port(host)
    assert told(host.run(6 * MINUTE)) == [("cleared", "ib-port-speed-fell")]


@pytest.mark.parametrize(
    ("generation", "lanes", "gigatransfers"), [(3, 16, 8.0), (4, 16, 16.0), (5, 16, 32.0), (4, 8, 16.0)]
)
def test_pcie_replays_against_the_limit_of_each_generation(generation: int, lanes: int, gigatransfers: float) -> None:
    limit = lanes * gigatransfers * 1e9 * 1e-12
    for factor, expected in ((0.8, []), (1.5, [("raised", "gpu-pcie-replays")])):
        host = Host(rules("gpu-pcie-replays"), step=10)
        host.set("fabricscope_gpu_pcie_width_max_lanes", lanes, gpu="0")
        host.set("fabricscope_gpu_pcie_generation_max", generation, gpu="0")
        host.set("fabricscope_gpu_pcie_replays_total", 0, gpu="0")
        host.run(11 * MINUTE)
        events, counted = [], 0.0
        for _ in range(120):
            counted += factor * limit * 10
            host.set("fabricscope_gpu_pcie_replays_total", int(counted), gpu="0")
            events += host.run(10)
        assert told(events) == expected


def test_no_limit_is_known_for_pcie_6() -> None:
    host = Host(rules("gpu-pcie-replays"))
    host.set("fabricscope_gpu_pcie_width_max_lanes", 16, gpu="0")
    host.set("fabricscope_gpu_pcie_generation_max", 6, gpu="0")
    host.set("fabricscope_gpu_pcie_replays_total", 0, gpu="0")
    host.run(MINUTE)
    host.set("fabricscope_gpu_pcie_replays_total", 100_000, gpu="0")
    assert host.run(HOUR) == []


def test_aer_counts_of_a_scan_are_no_errors() -> None:
    host = Host(rules("pcie-correctable-errors", "pcie-nonfatal-errors"))
    place = {"address": "0000:3b:00.0"}
    host.set("fabricscope_pcie_link_width_lanes", 16, **place)
    host.set("fabricscope_pcie_link_speed_transfers_per_second", 16e9, **place)
    host.set("fabricscope_pcie_aer_nonfatal_errors_total", 0, **place, error="UnsupReq")
    host.set("fabricscope_pcie_aer_correctable_errors_total", 0, **place, error="RxErr")
    host.run(11 * MINUTE)
    host.set("fabricscope_pcie_aer_nonfatal_errors_total", 50, **place, error="UnsupReq")
    assert host.run(HOUR) == []
    host.set("fabricscope_pcie_aer_correctable_errors_total", 400, **place, error="RxErr")
    assert told(host.run(MINUTE)) == [("raised", "pcie-correctable-errors")]


def test_a_pfc_storm_rises_gets_worse_and_ends() -> None:
    host = Host(rules("pfc-storm"))
    place = {"device": "eth0", "priority": "3"}
    name = "fabricscope_roce_pfc_receive_pause_seconds_total"
    host.set(name, 0, **place)
    host.run(2 * MINUTE)
    unit = specs()[name].per_unit
    events = []
    for _ in range(120):
        host.add(name, 0.2 * unit, **place)
        events += host.run(1)
    assert told(events) == [("raised", "pfc-storm")]
    assert events[0].severity is Severity.WARNING
    for _ in range(120):
        host.add(name, 0.8 * unit, **place)
        events += host.run(1)
    assert told(events) == [("raised", "pfc-storm"), ("changed", "pfc-storm")]
    assert events[1].severity is Severity.CRITICAL
    events = host.run(10 * MINUTE)
    assert told(events) == [("cleared", "pfc-storm")]


def test_ordinary_pauses_are_no_storm() -> None:
    host = Host(rules("pfc-storm"))
    place = {"device": "eth0", "priority": "3"}
    name = "fabricscope_roce_pfc_receive_pause_seconds_total"
    host.set(name, 0, **place)
    for _ in range(600):
        host.add(name, 0.05 * specs()[name].per_unit, **place)
        assert host.run(1) == []


def optics(host: Host, dbm: float) -> None:
    host.set("fabricscope_ethernet_admin_up", 1, device="eth0")
    for level, value in (("low_alarm", -12.0), ("low_warning", -10.0)):
        watts = 10 ** (value / 10) / 1000
        host.set("fabricscope_optics_receive_power_threshold_watts", watts, device="eth0", threshold=level)
    host.set("fabricscope_optics_receive_power_watts", 10 ** (dbm / 10) / 1000, device="eth0", lane="1")


def drift(host: Host, days: float, *, start: float, per_day: float, since: float = 0.0) -> list[Event]:
    events = []
    while host.seconds < since + days * DAY:
        # A noise of 0.15 dB that is as wide each day, and no trend.
        noise = 0.15 * ((host.seconds // 600 * 2654435761 % 1000) / 1000 - 0.5)
        optics(host, start + per_day * host.seconds / DAY + noise)
        events += host.run(10 * MINUTE)
    return events


def test_light_that_fades_over_days_is_told_with_a_date() -> None:
    host = Host(rules("optics-receive-power-drifting"), step=10 * MINUTE)
    events = drift(host, 8, start=-4, per_day=-0.25)
    assert told(events) == [("raised", "optics-receive-power-drifting")]
    # From -4 to -12 dBm at 0.25 dB a day is 32 days.
    (verdict,) = host.health.verdicts(at(host.seconds))
    date = datetime.fromisoformat(verdict.date)
    assert abs((date - datetime.fromtimestamp(START + 32 * DAY, UTC)).total_seconds()) < 1.5 * DAY
    slope = float(verdict.summary.partition("(-")[2].partition(" dB a day")[0].rpartition("(")[2] or "nan")
    assert slope == pytest.approx(0.25, abs=0.02)


def test_light_that_only_flickers_is_not_told() -> None:
    host = Host(rules("optics-receive-power-drifting"), step=10 * MINUTE)
    assert drift(host, 14, start=-9, per_day=0.0) == []


def test_a_forecast_survives_restarts() -> None:
    host = Host(rules("optics-receive-power-drifting"), step=10 * MINUTE)
    events = []
    for day in range(1, 7):
        events += drift(host, day, start=-4, per_day=-0.25)
        events += host.restart(away=HOUR)
    assert told(events) == [("raised", "optics-receive-power-drifting")]


def test_a_gpu_that_is_lost_stays_lost_when_the_driver_no_longer_lists_it() -> None:
    host = Host(rules("gpu-lost"))
    host.set("fabricscope_gpu_up", 1, gpu="0")
    host.set("fabricscope_gpu_up", 1, gpu="1")
    host.run(MINUTE)
    host.set("fabricscope_gpu_up", 0, gpu="1")
    assert told(host.run(2)) == [("raised", "gpu-lost")]
    host.take_out("fabricscope_gpu_up", gpu="1")
    assert host.run(HOUR) == []
    host.set("fabricscope_gpu_up", 1, gpu="1")
    assert told(host.run(6 * MINUTE)) == [("cleared", "gpu-lost")]


def test_a_port_that_is_taken_out_is_no_longer_down() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host, "mlx5_1")
    ib_port(host)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    host.run(MINUTE)
    for name in ("port_up", "port_physical_state", "port_rate_bytes_per_second", "port_lanes"):
        host.take_out(f"fabricscope_infiniband_{name}", **IB)
    host.take_out("fabricscope_infiniband_port_info", **IB, link_layer="InfiniBand")
    (cleared,) = host.run(6 * MINUTE)
    assert cleared.attributes["reason"] == "it is no longer there"


def test_xids_that_matter_and_those_of_programs() -> None:
    host = Host(rules("gpu-xid"), step=10)
    subject = {"address": "0000:19:00.0"}
    host.tell("kernel.xid", Severity.WARNING, subject, {"number": "31"})
    assert host.run(MINUTE) == []
    host.tell("kernel.xid", Severity.CRITICAL, subject, {"number": "79"})
    (raised,) = host.run(10)
    assert raised.subject == subject
    assert "kernel.xid of 0000:19:00.0" in raised.attributes["evidence"]
    assert told(host.run(2 * HOUR)) == [("cleared", "gpu-xid")]


def test_a_gpu_that_hangs_until_it_recovers() -> None:
    host = Host(rules("gpu-hung"), step=10)
    host.tell("gpu.hung", Severity.CRITICAL, {"gpu": "3"})
    assert told(host.run(HOUR)) == [("raised", "gpu-hung")]
    host.tell("gpu.recovered", Severity.INFO, {"gpu": "3"})
    assert told(host.run(HOUR)) == [("cleared", "gpu-hung")]


def test_a_gpu_that_saves_power_is_not_slow_and_one_that_works_is() -> None:
    host = Host(rules("gpu-pcie-slow"))
    host.set("fabricscope_gpu_pcie_generation", 1, gpu="0")
    host.set("fabricscope_gpu_pcie_generation_max", 5, gpu="0")
    host.set("fabricscope_gpu_pcie_transmit_bytes_per_second", 1e6, gpu="0")
    assert host.run(10 * MINUTE) == []
    host.set("fabricscope_gpu_pcie_transmit_bytes_per_second", 4e9, gpu="0")
    assert told(host.run(MINUTE)) == [("raised", "gpu-pcie-slow")]


def test_heat_for_a_part_of_the_time() -> None:
    host = Host(rules("gpu-throttled-thermal"))
    for reason in ("sw_thermal", "hw_thermal"):
        host.set("fabricscope_gpu_throttled", 0, gpu="0", reason=reason)
    host.run(6 * MINUTE)
    events = []
    for second in range(600):
        host.set("fabricscope_gpu_throttled", second % 5 == 0, gpu="0", reason="sw_thermal")
        events += host.run(1)
    assert told(events) == [("raised", "gpu-throttled-thermal")]
    assert host.health.verdicts(at(host.seconds))[0].value == pytest.approx(0.2, abs=0.02)


# --- what cannot be told changes nothing


def test_a_hung_sampler_neither_raises_nor_clears() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    host.run(MINUTE)
    assert host.active() == [("ib-port-down", "critical")]
    assert host.hang(HOUR) == []
    ib_port(host)
    assert told(host.run(6 * MINUTE)) == [("cleared", "ib-port-down")]


def test_a_restart_in_the_middle_keeps_the_verdict_until_there_is_evidence() -> None:
    host = Host(rules("ib-link-recoveries"))
    ib_port(host)
    name = "fabricscope_infiniband_port_link_error_recoveries_total"
    host.set(name, 0, **IB)
    host.run(HOUR)
    host.set(name, 50, **IB)
    (raised,) = host.run(MINUTE)
    assert host.restart(away=MINUTE) == []
    (verdict,) = host.health.verdicts(at(host.seconds))
    assert verdict.since_unix_ns == raised.time_unix_ns
    # The new probe has seen no error yet, and not a whole window either.
    assert host.run(50 * MINUTE) == []
    assert told(host.run(20 * MINUTE)) == [("cleared", "ib-link-recoveries")]


def test_a_restart_in_the_hold_down_goes_on_with_it() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    host.run(MINUTE)
    ib_port(host)
    host.run(4 * MINUTE)
    assert host.restart(away=30) == []
    assert told(host.run(MINUTE)) == [("cleared", "ib-port-down")]


def test_a_restart_remembers_that_a_port_was_up() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    host.run(10 * MINUTE)
    host.restart()
    ib_port(host, up=0, physical=2)
    host.restart(away=HOUR)
    assert told(host.run(MINUTE)) == [("raised", "ib-port-down")]


def test_a_verdict_whose_rule_is_gone_is_cleared_after_the_restart() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    host.run(MINUTE)
    host.rules = rules("gpu-lost")
    (cleared,) = host.restart()
    assert (cleared.kind, cleared.attributes["reason"]) == ("verdict.cleared", "its rule is no longer in force")


def test_a_device_that_went_while_the_probe_was_away_is_cleared() -> None:
    host = Host(rules("ib-port-down"))
    for device in ("mlx5_0", "mlx5_1"):
        ib_port(host, device)
    host.run(MINUTE)
    ib_port(host, up=0, physical=2)
    host.run(MINUTE)
    host.take_out("fabricscope_infiniband_port_up", **IB)
    host.restart(away=HOUR)
    (cleared,) = host.run(6 * MINUTE)
    assert cleared.attributes["reason"] == "it is no longer there"


def test_a_wall_clock_that_jumps_changes_no_verdict() -> None:
    host = Host(rules("ib-port-down"))
    ib_port(host)
    host.run(MINUTE)
    sampled = host._pipeline.process(host._values.values(), at(host.seconds)).sampled
    for jump in (-400 * DAY, 400 * DAY):
        now = at(host.seconds)
        assert host.health.observe([sampled], [], now._replace(wall=now.wall + jump * SECOND)) == []


def test_evidence_that_comes_in_no_time_raises_nothing_twice() -> None:
    host = Host(rules("gpu-lost"))
    host.set("fabricscope_gpu_up", 0, gpu="0")
    assert told(host.run(1)) == [("raised", "gpu-lost")]
    assert host.sample() == []


def test_a_port_that_never_was_up_unlike_its_peers() -> None:
    host = Host(rules("ib-port-down", "ib-port-down-unlike-peers"))
    for number in range(4):
        ib_port(host, f"mlx5_{number}", up=float(number != 2), physical=2 if number == 2 else 5)
    (raised,) = host.run(2 * MINUTE)
    assert raised.attributes["rule"] == "ib-port-down-unlike-peers"
    assert (raised.severity, raised.subject["device"]) == (Severity.WARNING, "mlx5_2")
    assert host.health.withheld() == []


def test_a_port_that_was_up_is_down_once() -> None:
    host = Host(rules("ib-port-down", "ib-port-down-unlike-peers"))
    for number in range(4):
        ib_port(host, f"mlx5_{number}")
    host.run(MINUTE)
    ib_port(host, "mlx5_2", up=0, physical=2)
    assert told(host.run(5 * MINUTE)) == [("raised", "ib-port-down")]
    assert host.health.withheld() == []


def test_a_port_without_a_cable_and_without_peers_is_withheld() -> None:
    host = Host(rules("ib-port-down", "ib-port-down-unlike-peers"))
    ib_port(host, up=0, physical=2)
    ib_port(host, "mlx5_1")
    assert host.run(5 * MINUTE) == []
    (withheld,) = host.health.withheld()
    assert (withheld.rule, withheld.subject) == ("ib-port-down", IB)
    assert "over 1d above 0" in withheld.reason


def test_full_counters_come_first_and_alone_in_the_evidence() -> None:
    host = Host(rules("counters-saturated"))
    names = [name for name, spec in specs().items() if name.startswith("fabricscope_infiniband_port_") and spec.bits]
    for name in names:
        labels = {label: IB[label] for label in specs()[name].labels if label in IB}
        host.set(name, 1, **labels)
    host.set("fabricscope_infiniband_port_link_downed_total", 255, Quality.SATURATED, **IB)
    host.run(MINUTE)
    (verdict,) = host.health.verdicts(at(host.seconds))
    assert [shown.metric for shown in verdict.evidence] == ["fabricscope_infiniband_port_link_downed_total"]


def test_a_narrow_link_shows_its_lanes() -> None:
    host = Host(rules("pcie-narrow"))
    place = {"address": "0000:17:00.0", "upstream": "0000:16:01.0"}
    host.set("fabricscope_pcie_link_degraded", 1, **place, property="width")
    host.set("fabricscope_pcie_link_width_lanes", 8, address=place["address"])
    host.set("fabricscope_pcie_link_width_max_lanes", 16, address=place["address"])
    (raised,) = host.run(3 * MINUTE)
    evidence = raised.attributes["evidence"]
    assert 'width_lanes{address="0000:17:00.0"} = 8 lanes' in evidence
    assert 'width_max_lanes{address="0000:17:00.0"} = 16 lanes' in evidence


def test_what_the_event_says_to_do_is_the_next_step() -> None:
    host = Host(rules("gpu-xid"))
    where = {"address": "0000:3b:00.0", "action": "power-cycle the node", "xid": "79"}
    host.tell("kernel.xid", Severity.CRITICAL, {"address": where.pop("address")}, where)
    (raised,) = host.run(2)
    assert raised.attributes["next_step"].startswith("What the event says: power-cycle the node. Drain the node")
    assert "reset the GPU" not in raised.attributes["next_step"]
    (verdict,) = host.health.verdicts(at(host.seconds))
    assert verdict.evidence[0].labels["action"] == "power-cycle the node"


def test_a_gpu_at_its_limits() -> None:
    host = Host(rules("gpu-hot", "gpu-margin-used-up"))
    host.set("fabricscope_gpu_temperature_limit_celsius", 90, gpu="0", limit="slowdown")
    host.set("fabricscope_gpu_temperature_limit_celsius", 95, gpu="0", limit="shutdown")
    host.set("fabricscope_gpu_temperature_celsius", 89, gpu="0", sensor="gpu")
    host.set("fabricscope_gpu_temperature_celsius", 99, gpu="0", sensor="memory")
    assert host.run(MINUTE) == []
    host.set("fabricscope_gpu_temperature_celsius", 91, gpu="0", sensor="gpu")
    assert told(host.run(5)) == [("raised", "gpu-hot")]
    host.set("fabricscope_gpu_temperature_celsius", 96, gpu="0", sensor="gpu")
    assert told(host.run(5)) == [("changed", "gpu-hot")]
    assert host.active() == [("gpu-hot", "critical")]
    host.set("fabricscope_gpu_temperature_margin_limit_celsius", -2, gpu="1", limit="slowdown")
    host.set("fabricscope_gpu_temperature_margin_celsius", -3, gpu="1")
    assert told(host.run(5)) == [("raised", "gpu-margin-used-up")]


def test_a_verdict_that_clears_shows_what_raised_it_and_the_present_value() -> None:
    host = Host(rules("gpu-hot"))
    host.set("fabricscope_gpu_temperature_limit_celsius", 90, gpu="0", limit="slowdown")
    for celsius in (91, 93, 92, 40):
        host.set("fabricscope_gpu_temperature_celsius", celsius, gpu="0", sensor="gpu")
        host.run(5)
    (verdict,) = host.health.verdicts(at(host.seconds))
    assert (verdict.value, verdict.present) == (93, 40)
    assert verdict.summary.endswith(": 93 °C, limit 90 °C; now 40 °C")
    host.restart()
    (verdict,) = host.health.verdicts(at(host.seconds))
    assert (verdict.value, verdict.present) == (93, 40)
    cleared = host.run(6 * MINUTE)[-1]
    assert (cleared.attributes["value"], cleared.attributes["present"]) == ("93", "40")
