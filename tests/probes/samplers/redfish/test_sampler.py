from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.exposition import Renderer
from fabricscope.clock import system_clock
from fabricscope.model import Event, Kind, Now, Quality, Reading, Severity, Target
from fabricscope.settings import SettingsError, convert
from probes.samplers.redfish import RedfishSampler, RedfishSettings
from probes.sampling.pipeline import MAX_READINGS, Pipeline
from probes.sampling.runner import Result, SamplerRunner
from probes.sampling.sampler import Roots
from probes.sources.redfish import client
from probes.sources.redfish.walk import MAX_FACTS
from tests.fixtures.bmc import PASSWORD, USER, FakeBmc, Handler

START = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
INLET = "Chassis/Tray_0/Sensors/Inlet"
GPU = "Systems/HGX_Baseboard_0/Processors/GPU_0"
LEAK = "Chassis/Tray_0/ThermalSubsystem/LeakDetection/LeakDetectors/Manifold"
SUPPLY = "Chassis/Tray_0/PowerSubsystem/PowerSupplies/PSU0"


@pytest.fixture
def fake() -> Iterator[FakeBmc]:
    with FakeBmc().serving() as it:
        yield it


@pytest.fixture
def settings(fake: FakeBmc, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return {
        "url": fake.url,
        "username": USER,
        "password_file": str(file),
        "verify": False,
        "timeout_seconds": 60,
        "deadline_seconds": 3600,
    }


def sampler(settings: dict[str, Any], **changes: Any) -> RedfishSampler:
    return RedfishSampler(convert(settings | changes, RedfishSettings, "redfish"), Roots())


@pytest.fixture
def reader(settings: dict[str, Any]) -> Iterator[RedfishSampler]:
    it = sampler(settings)
    yield it
    it.close()


def sampled(reader: RedfishSampler) -> dict[tuple[str, ...], Reading]:
    rows = [row for row in reader.sample(START) if isinstance(row, Reading)]
    found = {(row.spec.name.removeprefix("fabricscope_redfish_"), *row.labels): row for row in rows}
    assert len(found) == len(rows)
    return found


def events(reader: RedfishSampler) -> list[Event]:
    return [row for row in reader.sample(START) if isinstance(row, Event)]


def test_a_bmc_as_metrics(reader: RedfishSampler) -> None:
    values = {key: row.value for key, row in sampled(reader).items()}
    assert values["health", "Chassis/Tray_0/Sensors/Broken", "sensor", "Broken"] == 2.0
    assert values["temperature_celsius", INLET, "Inlet Temp", "Intake"] == 23.5
    assert values["temperature_limit_celsius", INLET, "Inlet Temp", "upper_critical"] == 45.0
    assert values["leak", LEAK, "Manifold"] == 0.0
    assert values["power_watts", SUPPLY, "Power Supply 0", "input"] == 1440.5
    assert values["port_up", f"{GPU}/Ports/NVLink_0", "GPU_0 NVLink_0", "NVLink"] == 1.0
    assert values["port_receive_bytes_total", f"{GPU}/Ports/NVLink_0", "GPU_0 NVLink_0"] == (1 << 64) - 1
    assert values["throttled_seconds_total", GPU, "GPU_0", "power"] == 90_500_000_000
    assert (values["resources",], values["resources_failed",], values["resources_left_out",]) == (38.0, 0.0, 0.0)


def test_a_sensor_that_has_nothing_to_say_although_it_should_is_unreadable(reader: RedfishSampler) -> None:
    row = sampled(reader)["temperature_celsius", "Chassis/Tray_0/Sensors/Broken", "Broken", ""]
    assert (row.value, row.quality) == (None, Quality.UNREADABLE)


def test_every_reading_is_in_the_table_and_of_its_kind(reader: RedfishSampler) -> None:
    for row in sampled(reader).values():
        assert row.spec in RedfishSampler.metrics
        assert type(row.labels) is tuple
        assert len(row.labels) == len(row.spec.labels)
        if row.value is not None:
            assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


def test_through_the_pipeline_to_the_page(reader: RedfishSampler) -> None:
    sampled = Pipeline("redfish", 60_000_000_000).process(reader.sample(START), START).sampled
    text = b"".join(Renderer(100).render([Target((("host", "n1"),), [sampled])]).families).decode()
    where = f'host="n1",resource="{GPU}",name="GPU_0",cause="power"'
    assert f"fabricscope_redfish_throttled_seconds_total{{{where}}} 90.5\n" in text
    assert 'resource="Chassis/Tray_0/Sensors/Energy",name="Energy",context=""} 28278000000.0\n' in text


def test_health_that_changes_is_an_event(fake: FakeBmc, reader: RedfishSampler) -> None:
    assert events(reader) == []
    assert events(reader) == []
    fake.at(INLET)["Status"] = {"State": "Enabled", "Health": "Critical"}
    (event,) = events(reader)
    assert (event.kind, event.severity) == ("redfish.health", Severity.CRITICAL)
    assert event.message == "sensor Inlet Temp is critical, was OK"
    assert event.subject == {"resource": INLET, "kind": "sensor", "name": "Inlet Temp"}
    assert event.attributes == {"before": "OK", "after": "critical"}
    fake.at(INLET)["Status"] = {"State": "Enabled", "Health": "OK"}
    (event,) = events(reader)
    assert (event.kind, event.severity) == ("redfish.health", Severity.INFO)


def test_leaks_and_parts_that_are_pulled_are_events(fake: FakeBmc, reader: RedfishSampler) -> None:
    assert events(reader) == []
    fake.at(LEAK)["DetectorState"] = "Critical"
    fake.at(SUPPLY)["Status"] = {"State": "Absent", "Health": "OK"}
    found = {event.kind: event for event in events(reader)}
    assert found.keys() == {"redfish.leak", "redfish.state"}
    assert (found["redfish.leak"].severity, found["redfish.leak"].message) == (
        Severity.CRITICAL,
        "leak detector Manifold sees a leak",
    )
    assert (found["redfish.state"].severity, found["redfish.state"].subject["resource"]) == (Severity.WARNING, SUPPLY)
    fake.at(LEAK)["DetectorState"] = "OK"
    fake.at(SUPPLY)["Status"] = {"State": "Enabled", "Health": "Warning"}
    assert {(event.kind, event.severity) for event in events(reader)} == {
        ("redfish.leak", Severity.INFO),
        ("redfish.state", Severity.INFO),
    }


def test_a_port_that_goes_down_is_an_event_of_the_pipelines(fake: FakeBmc, reader: RedfishSampler) -> None:
    pipeline = Pipeline("redfish", 0)
    pipeline.process([row for row in reader.sample(START) if isinstance(row, Reading)], START)
    fake.at(f"{GPU}/Ports/NVLink_0")["LinkStatus"] = "LinkDown"
    rows = [row for row in reader.sample(START) if isinstance(row, Reading)]
    (event,) = pipeline.process(rows, START).events
    assert (event.kind, event.subject["name"]) == ("redfish_port.down", "GPU_0 NVLink_0")


def test_what_could_be_read_once_turns_unreadable_and_comes_back(fake: FakeBmc, reader: RedfishSampler) -> None:
    before = sampled(reader)
    fake.trick("Chassis/Tray_0/Sensors", lambda handler: handler.reply({}, 500))
    for _ in range(2):
        rows = sampled(reader)
        assert rows.keys() == before.keys()
        lost = {key for key, row in rows.items() if row.quality is Quality.UNREADABLE}
        assert ("temperature_celsius", INLET, "Inlet Temp", "Intake") in lost
        assert all("/Sensors/" in key[1] for key in lost)
        assert rows["resources_failed",].value == 1.0
    fake.tricks.clear()
    fake.at(INLET)["Status"]["Health"] = "Warning"
    assert [event.kind for event in events(reader)] == ["redfish.health"]
    del fake.tree[f"/redfish/v1/{INLET}"]
    assert ("temperature_celsius", INLET, "Inlet Temp", "Intake") not in sampled(reader)


def test_what_was_lost_is_remembered_up_to_a_bound(
    fake: FakeBmc, reader: RedfishSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> int:
        return sum(row.quality is Quality.UNREADABLE for row in sampled(reader).values())

    sampled(reader)
    fake.trick("Chassis/Tray_0/Sensors", lambda handler: handler.reply({}, 500))
    everything = lost()
    monkeypatch.setattr("probes.samplers.redfish.sampler.MAX_FACTS", everything - 1)
    assert 0 < lost() < everything


def test_one_resource_under_two_paths_is_told_once(fake: FakeBmc, reader: RedfishSampler) -> None:
    fake.tree["/redfish/v1/Chassis/Again"] = fake.at("Chassis/Old_0")
    fake.at("Chassis")["Members"].append({"@odata.id": "/redfish/v1/Chassis/Again"})
    assert ("health", "Chassis/Old_0", "chassis", "Old 0") in sampled(reader)


def test_a_bmc_that_gives_nothing_at_all_is_a_failure(fake: FakeBmc, reader: RedfishSampler) -> None:
    for path in ("Chassis", "Systems"):
        fake.trick(path, lambda handler: handler.reply(b"<html>", 200))
    with pytest.raises(OSError, match="Chassis is no JSON"):
        list(reader.sample(START))


def test_with_no_bmc_configured_nothing_happens() -> None:
    reader = sampler({})
    assert list(reader.sample(START)) == []
    assert reader.unavailable() == "no BMC is configured: set `url`, `username` and `password_file`"
    reader.close()


def test_why_nothing_is_available(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert sampler(settings).unavailable() is None
    assert "`verify: false`" in (sampler(settings, verify=True).unavailable() or "")
    monkeypatch.setattr(client, "find_spec", lambda _name: None)
    assert "pip install 'fabricscope[redfish]'" in (sampler(settings).unavailable() or "")


def test_a_password_in_the_settings_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="password"):
        sampler(settings, password="secret")


def test_the_library_is_imported_when_it_is_used_and_not_before() -> None:
    code = (
        "import sys; from probes.samplers.redfish import RedfishSampler, RedfishSettings;"
        "from probes.sampling.sampler import Roots;"
        "s = RedfishSampler(RedfishSettings(url='https://x', username='u', password_file='/p'), Roots());"
        "s.unavailable(); import json;"
        "print(json.dumps([name for name in ('redfish', 'requests', 'urllib3') if name in sys.modules]))"
    )
    root = Path(__file__).parents[4]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert json.loads(run.stdout) == []


async def test_a_bmc_that_hangs_past_the_deadline_is_hung_and_comes_back(
    fake: FakeBmc, settings: dict[str, Any]
) -> None:
    asked = threading.Event()

    def hang(handler: Handler) -> None:
        asked.set()
        handler.bmc.released.wait()
        handler.reply(fake.at(""))

    fake.trick("", hang)
    reader = sampler(settings, timeout_seconds=60)
    runner = SamplerRunner("redfish", reader, Pipeline("redfish", 0), 50_000_000, system_clock)
    assert (await runner.tick()).result is Result.HUNG
    await asyncio.to_thread(asked.wait)
    assert (await runner.tick()).result is Result.HUNG
    fake.released.set()
    fake.tricks.clear()
    runner.deadline_ns = 30_000_000_000
    assert runner._running is not None
    await runner._running
    outcome = await runner.tick()
    assert outcome.result is Result.OK
    assert [event.kind for event in outcome.events] == ["sampler.recovered"]
    runner.close()
    await asyncio.to_thread(runner.thread.join)
    assert fake.sessions == set()


def test_what_two_walks_can_give_fits_a_sample() -> None:
    assert 2 * MAX_FACTS + 3 <= MAX_READINGS
