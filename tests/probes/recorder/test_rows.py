from __future__ import annotations

import json
from pathlib import Path

from probes.recorder.recording import Recording
from probes.recorder.rows import TABLES
from tests.probes.recorder.made import at, write_recording


def rows(tmp_path: Path, what: str) -> list[dict[str, object]]:
    path = write_recording(tmp_path / "a.fsrec")
    table = TABLES[what]
    with Recording.open(path) as recording:
        return [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows(recording)]


def test_steps_are_in_their_unit_with_their_rate(tmp_path: Path) -> None:
    found = [row for row in rows(tmp_path, "steps") if row["counter"] == "port_rcv_data"]
    assert len(found) == 300
    assert found[0] == {
        "time_unix_ns": at(100).wall,
        "device": "mlx5_0",
        "port": "1",
        "counter": "port_rcv_data",
        "unit": "bytes",
        "value": 0,
        "rate_per_second": None,
    }
    # 1,000 words of four octets in 10 ms.
    assert found[1]["value"] == 4000
    assert {row["rate_per_second"] for row in found[1:]} == {400_000.0}


def test_what_could_not_be_read_is_empty_and_the_next_rate_is_over_both(tmp_path: Path) -> None:
    waits = [row for row in rows(tmp_path, "steps") if row["counter"] == "port_xmit_wait"]
    assert [(row["value"], row["rate_per_second"]) for row in waits[6:9]] == [(6, 100.0), (None, None), (8, 100.0)]


def test_samples_are_in_their_unit(tmp_path: Path) -> None:
    found = rows(tmp_path, "samples")
    assert len(found) == 20
    assert found[-1] == {
        "time_unix_ns": at(4).wall,
        "sampler": "two",
        "metric": "fabricscope_test_bytes_total",
        "labels": json.dumps({"device": "b"}),
        "unit": "bytes",
        "value": 4.0,
        "quality": "ok",
    }


def test_events(tmp_path: Path) -> None:
    first, _ = rows(tmp_path, "events")
    assert first == {
        "time_unix_ns": at(2).wall,
        "kind": "test.down",
        "severity": "warning",
        "message": "a is down",
        "subject": '{"device": "a"}',
        "attributes": '{"why": "test"}',
    }
