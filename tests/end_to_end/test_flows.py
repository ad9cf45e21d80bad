"""From a switch's mirror to the collector's API, in network namespaces; and a capture file the same way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.daemons import Fabric, eventually, fabric
from tests.fixtures.mirror_net import MONITOR, apart, switch
from tests.fixtures.roce.scenarios import everything
from tests.probes.engine.conftest import needs_native
from tests.probes.flows.test_live import ACCOUNTED, send

pytestmark = [needs_native]


def total(made: Fabric, name: str) -> float:
    return sum(made.metrics(f"fabricscope_flows_{name}").values())


@pytest.mark.needs_root
@pytest.mark.needs_program("tc", package="iproute2")
@pytest.mark.needs_program("nsenter", package="util-linux")
def test_what_a_switch_mirrors_comes_out_at_the_collector(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("policies:\n  rdma: {when: {label: [roce]}, then: {label: training}}\n")

    def act() -> None:
        with switch() as net, fabric(tmp_path) as made:
            made.collector()
            settings = {
                "enabled": "true",
                "interfaces": f"[{MONITOR}]",
                "interval_seconds": 0.2,
                "meter": "{idle_seconds: 0.5}",
                "rules": f"[{rules}]",
            }
            made.probe("n1", tmp_path / "sys", **{f"probe.samplers.flows.{key}": it for key, it in settings.items()})
            eventually(lambda: total(made, "up"), "the probe captures")
            truth = send(net, tmp_path)
            lost = sum(len(way.lost) for one in truth.connections for way in (one.forward, one.reverse))

            def lost_here() -> float:
                groups = made.get("/api/v1/flows/top", by="label", label="roce")["groups"]
                return float(sum(group["rdma_lost"] for group in groups))

            eventually(lambda: lost_here() == lost, "all that was lost on the wire is in the store")
            eventually(lambda: total(made, "rdma_lost_packets_total") == lost, "and in the series")
            (row,) = made.get("/api/v1/flows", label="roce", limit=1)["flows"]
            assert (row["host"], row["observer"]) == ("n1", MONITOR)
            assert row["detail"]["labels"] == {"policy": "training"}
            eventually(
                lambda: sum(total(made, f"{name}_total") for name in ACCOUNTED) == total(made, "packets_total") > 0,
                "every packet is accounted for",
            )
            rules.write_text("policies:\n  rdma: {when: {lable: [roce]}}\n")
            eventually(lambda: made.events("flows.rules_refused"), "the mistake is told")
            rules.write_text("policies: {}\n")
            eventually(lambda: made.events("flows.rules_changed"), "the remedy, too")

    apart(act)


def test_a_capture_file_is_sent_to_a_collector(tmp_path: Path) -> None:
    capture = everything(22)
    capture.write(tmp_path / "roce.pcap")
    with fabric(tmp_path) as made:
        made.collector()
        eventually(lambda: made.get("/api/v1/hosts") is not None, "the collector answers")
        command = [sys.executable, "-m", "fabricscope", "replay", str(tmp_path / "roce.pcap"), "--send"]
        command += [f"--set=probe.collectors=[127.0.0.1:{made.grpc_port}]", "--set=probe.host=from-a-file"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        groups = made.get("/api/v1/flows/top", by="label", host="from-a-file")["groups"]
        assert sum(group["packets"] for group in groups) == capture.truth.frames
