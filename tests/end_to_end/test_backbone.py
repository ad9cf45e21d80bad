"""The whole way through: real probes and a real collector, on fake /sys trees that change."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.daemons import Daemon, Fabric, eventually, fabric, free_port
from tests.fixtures.infiniband import write_device, write_port

PORT = ("mlx5_0", "1")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Fabric]:
    with fabric(tmp_path) as it:
        yield it


class Host:
    """A fake /sys with one InfiniBand port."""

    def __init__(self, folder: Path) -> None:
        self.sys = folder / "sys"
        device = write_device(self.sys, "mlx5_0", bus_address="0000:17:00.0")
        counters = {"port_rcv_data": 1000, "port_xmit_data": 0, "symbol_error": 0, "unicast_rcv_packets": 0}
        self.port = write_port(device, counters=counters)

    def set(self, name: str, text: object) -> None:
        (self.port / name).write_text(f"{text}\n")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "n1")


def up(made: Fabric) -> bool:
    return any(value == 1 for key, value in made.metrics("fabricscope_host_up").items() if ("host", "n1") in key)


def said(daemon: Daemon, word: str, times: int) -> bool:
    return daemon.output.count(word) >= times


def downs(made: Fabric) -> list[Any]:
    return [row["subject"]["device"] for row in made.events("infiniband.down")]


def test_values_and_events_come_out_at_the_collector(made: Fabric, host: Host) -> None:
    made.collector()
    made.probe("n1", host.sys, **{"probe.labels": "{cluster: alpha}"})
    name = "fabricscope_infiniband_port_receive_bytes_total"
    key = (("cluster", "alpha"), ("device", "mlx5_0"), ("host", "n1"), ("port", "1"))
    eventually(lambda: made.metrics(name).get(key) == 4000, "1000 words are 4000 bytes at the collector")
    host.set("counters/port_rcv_data", 2000)
    eventually(lambda: made.metrics(name).get(key) == 8000, "the counter moves")
    host.set("state", "1: DOWN")
    eventually(lambda: downs(made) == ["mlx5_0"], "the port going down is an event in the store")
    assert made.get("/api/v1/hosts")["hosts"][0]["cluster"] == "alpha"


def test_a_saturated_counter_is_said_to_be(made: Fabric, host: Host) -> None:
    host.set("counters/symbol_error", 65535)
    made.collector()
    made.probe("n1", host.sys)
    quality = eventually(lambda: made.metrics("fabricscope_series_quality"), "a series is not ok")
    (labels,) = quality
    assert ("quality", "saturated") in labels
    assert ("metric", "fabricscope_infiniband_port_symbol_errors_total") in labels


def test_events_survive_kills_on_both_sides_and_stay_one(made: Fabric, host: Host) -> None:
    collector = made.collector()
    probe = made.probe("n1", host.sys)
    eventually(lambda: up(made), "the probe is heard")
    collector.kill()
    for state in ("1: DOWN", "4: ACTIVE", "1: DOWN"):
        host.set("state", state)
        word = "is down" if "DOWN" in state else "is up"
        wanted = probe.output.count(word) + 1
        eventually(partial(said, probe, word, wanted), f"the probe notices: {word}")
    probe.kill()
    probe.start()
    collector.start()
    eventually(lambda: downs(made) == ["mlx5_0", "mlx5_0"], "both downs are stored")
    collector.kill()
    collector.start()
    eventually(lambda: up(made), "the probe is heard again")
    eventually(lambda: downs(made) == ["mlx5_0", "mlx5_0"], "they are still two, whatever was sent again")
    assert len(made.events("infiniband.up")) == 1


def test_a_silent_probe_turns_stale_by_name(made: Fabric, host: Host) -> None:
    made.collector(**{"collector.state.stale_after_seconds": 1})
    probe = made.probe("n1", host.sys)
    eventually(lambda: made.metrics("fabricscope_infiniband_port_up"), "values are shown")
    probe.kill()
    eventually(lambda: list(made.metrics("fabricscope_host_up").values()) == [0], "the host is down by name")
    eventually(lambda: not made.metrics("fabricscope_infiniband_port_up"), "its values have left")
    eventually(lambda: made.events("host.stale"), "and it is written down")


def test_the_next_collector_is_taken_when_one_is_gone(made: Fabric, host: Host) -> None:
    made.collector()
    made.probe("n1", host.sys, **{"probe.collectors": f"['127.0.0.1:{free_port()}', '127.0.0.1:{made.grpc_port}']"})
    eventually(lambda: up(made), "the second collector hears the probe")


def test_sighup_takes_a_good_configuration_and_keeps_the_old_for_a_bad_one(made: Fabric, host: Host) -> None:
    collector = made.collector()
    made.probe("n1", host.sys)
    eventually(lambda: up(made), "the probe is heard")
    assert collector.process is not None
    collector.process.send_signal(signal.SIGHUP)
    eventually(lambda: "configuration unchanged" in collector.output, "nothing is done for nothing")
    collector.config.write_text("collector: {lgo: {}}")
    collector.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old one stays in effect" in collector.output, "the mistake is logged")
    collector.config.write_text("collector: {log: {level: debug}}")
    collector.process.send_signal(signal.SIGHUP)
    eventually(lambda: "configuration reloaded" in collector.output, "the reload is logged")
    eventually(lambda: up(made), "the probe is heard after the reload")
    # What it knew of hosts lives on: it did not have to learn them anew.
    assert made.get("/api/v1/hosts")["hosts"][0]["host"] == "n1"
    assert collector.stop() == 0


def test_a_probe_serves_its_own_metrics_without_a_collector(made: Fabric, host: Host) -> None:
    port = free_port()
    probe = made.probe("n1", host.sys, **{"probe.collectors": "[]", "probe.http.listen": f"127.0.0.1:{port}"})
    eventually(lambda: made.metrics("fabricscope_infiniband_port_up", port), "the probe shows its port")
    assert httpx.get(f"http://127.0.0.1:{port}/nothing").status_code == 404
    assert probe.stop() == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [({}, "store"), ({"collector.data_dir": "{folder}/other"}, "listen"), ({"collector.http.lisen": ":1"}, "'listen'")],
)
def test_what_cannot_be_started_ends_with_the_reason_and_exit_code_2(
    made: Fabric, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    made.collector()
    eventually(lambda: made.get("/api/v1/hosts") is not None, "the collector answers")
    second = made.collector(**{key: value.format(folder=tmp_path) for key, value in settings.items()})
    assert second.process is not None
    assert second.process.wait(timeout=30) == 2
    last = second.output.splitlines()[-1]
    assert words in last
    assert "Traceback" not in second.output
