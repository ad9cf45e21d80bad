"""Mirrored by a switch for real: tc copies what two hosts say to a monitor port, plainly and through a tunnel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabricscope.clock import system_clock
from fabricscope.flow import Flow, FlowRecord, Tunnel
from fabricscope.model import Event, Reading
from probes.flows.metering import MeterSettings
from probes.samplers.flows import FlowsSampler, FlowsSettings
from probes.sampling.sampler import Roots
from tests.fixtures.mirror_net import MONITOR, VNI, A, B, Switch, apart, switch
from tests.fixtures.roce.comparison import differences
from tests.fixtures.roce.mirrors import SESSION
from tests.fixtures.roce.scenarios import everything
from tests.fixtures.roce.truth import Truth
from tests.fixtures.waiting import eventually
from tests.probes.engine.conftest import needs_native
from tests.probes.flows.test_generator import frames

pytestmark = [
    needs_native,
    pytest.mark.needs_root,
    pytest.mark.needs_program("tc", package="iproute2"),
    pytest.mark.needs_program("nsenter", package="util-linux"),
]

STREAM = 3_000_000
"""Octets of the TCP connection."""
VXLAN_OCTETS = 14 + 20 + 8 + 8
"""Of the headers before each mirrored frame."""
TUNNELS = {
    "erspan2": (Tunnel.ERSPAN2, SESSION),
    "erspan3": (Tunnel.ERSPAN3, SESSION),
    "gre": (Tunnel.GRE, SESSION),
}
ACCOUNTED = ("ring_drops", "filtered_packets", "undecodable_packets", "unsampled_packets", "counted_packets")


class Watching:
    """The sampler on the monitor port, and all that it gave."""

    def __init__(self, **settings: Any) -> None:
        meter = MeterSettings(idle_seconds=1.5, active_seconds=600)
        self.sampler = FlowsSampler(
            FlowsSettings(interfaces=(MONITOR,), meter=meter, **{"workers": 3, **settings}), Roots(), system_clock
        )
        assert self.sampler.unavailable() is None
        self.records: list[FlowRecord] = []
        self.events: list[str] = []
        self.values: dict[str, float] = {}

    def sample(self) -> None:
        values: dict[str, float] = {}
        for row in self.sampler.sample(system_clock()):
            if isinstance(row, Flow):
                self.records.append(row.record)
            elif isinstance(row, Event):
                self.events.append(row.kind)
            elif isinstance(row, Reading) and row.value is not None:
                name = row.spec.name.removeprefix("fabricscope_flows_").removesuffix("_total")
                values[name] = values.get(name, 0) + row.value
        self.values = values

    def until(self, packets: int) -> None:
        """So many packets have come, all of their flows have ended, and every packet is accounted for."""

        def all_told() -> bool:
            self.sample()
            # Those that come while it looks are counted in one place already, and in the other not yet.
            accounted = sum(self.values.get(name, 0) for name in ACCOUNTED)
            told = len(self.records) == self.values["records"] and not self.values["active"]
            return told and self.values["packets"] >= packets and accounted == self.values["packets"]

        eventually(all_told)
        assert self.values["ring_drops"] == 0


def send(net: Switch, folder: Path, mirror: str = "plain", seed: int = 21) -> Truth:
    """Replay generated RoCE traffic from host `a`; what is in it."""
    capture = everything(seed, mirror)
    capture.write(folder / "roce.pcap")
    with net.port() as port:
        for frame in frames(folder / "roce.pcap"):
            port.send(frame)
    return capture.truth


def streams(records: list[FlowRecord]) -> Iterator[FlowRecord]:
    yield from (record for record in records if record.tcp is not None)


@pytest.mark.parametrize("tunnel", ["", "vxlan"])
def test_a_mirror_port_shows_what_two_hosts_say(tunnel: str, tmp_path: Path) -> None:
    def act() -> None:
        with switch(tunnel) as net:
            watching = Watching(filter="udp port 4789" if tunnel else "")
            net.talk(STREAM)
            truth = send(net, tmp_path)
            watching.until(truth.frames + STREAM // 65_536)
            watching.sampler.close()
            for way in (way for one in truth.connections for way in (one.forward, one.reverse)):
                way.octets += (VXLAN_OCTETS if tunnel else 0) * way.packets
            assert differences(watching.records, truth) == []
            (stream,) = streams(watching.records)
            ends = {"source": bytes(map(int, A.split("."))), "destination": bytes(map(int, B.split(".")))}
            assert {name: getattr(stream.key, name) for name in ends} == ends
            assert stream.forward.payload_octets == STREAM
            assert stream.reverse.packets > 0, "both ways have met"
            through = (Tunnel.VXLAN, VNI) if tunnel else (Tunnel.NONE, 0)
            assert {(record.key.tunnel, record.key.tunnel_id) for record in watching.records if record.rdma} == {
                through
            }

    apart(act)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("mirror", sorted(TUNNELS))
def test_a_remote_mirror_that_loses_packets(mirror: str, workers: int, tmp_path: Path) -> None:
    """As a switch sends them: frames of the generator, for this kernel has no such device."""

    def act() -> None:
        with switch() as net:
            watching = Watching(filter="ip", workers=workers)
            truth = send(net, tmp_path, mirror)
            watching.until(truth.frames)
            watching.sampler.close()
            assert differences(watching.records, truth) == []
            carried = {(record.key.tunnel, record.key.tunnel_id) for record in watching.records}
            assert carried == {TUNNELS[mirror]}
            missing = watching.values["mirror_missing_packets"]
            # Between the first packets of the workers, and between their last, some go unnoticed.
            assert missing == truth.mirror_lost if workers == 1 else 0 < missing <= truth.mirror_lost
            share = truth.frames / (truth.frames + missing)
            assert watching.values["visibility_ratio"] == pytest.approx(share)
            if workers > 1:
                assert watching.records[-1].visibility == pytest.approx(share)

    apart(act)
