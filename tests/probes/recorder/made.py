"""Recordings and what is in them, for the recorder's tests."""

from __future__ import annotations

from pathlib import Path

from probes.engine import StepRing
from probes.engine.steps import FrozenSteps, StepChannel
from probes.recorder.writer import RecordingWriter
from tests.probes.made import SECOND, at, event, sampled

CHANNELS = (
    StepChannel(0, "mlx5_0", "1", "port_rcv_data", "bytes", 4),
    StepChannel(0, "mlx5_0", "1", "port_xmit_wait", "events"),
    StepChannel(1, "eth0", "", "rx_bytes", "bytes"),
)
LAYOUT = 3


def frozen(seconds: int = 3, first: float = 100) -> FrozenSteps:
    """Steps every 10 ms from `first` (the test's seconds) on, in two groups."""
    ring = StepRing(8 << 20)
    ring.begin(LAYOUT, [2, 1])
    for tick in range(seconds * 100):
        mono = at(first).mono + tick * 10_000_000
        ring.record(LAYOUT, 0, mono, [1000 * tick, None if tick % 50 == 7 else tick])
        ring.record(LAYOUT, 1, mono + 5_000, [5 * tick])
    return FrozenSteps(ring.freeze(), {LAYOUT: CHANNELS})


def write_recording(path: Path) -> Path:
    """Ten batches of two samplers, two events and three seconds of steps."""
    writer = RecordingWriter.create(path, host="node1", kind="flight", meta={"trigger": '{"kind": "test.down"}'})
    with writer.transaction():
        for second in range(5):
            for name in ("one", "two"):
                writer.add_batch(at(second), sampled(at(second), second, sampler=name))
        writer.add_event(event(at(2), "test.down"))
        writer.add_event(event(at(4), "test.up"))
        steps = frozen()
        writer.add_layout(LAYOUT, CHANNELS)
        offset = at(0).wall - at(0).mono
        for layout, start, end, block in steps.blocks:
            writer.add_steps(start + offset, end + offset, layout, block)
    writer.close()
    return path


__all__ = ["CHANNELS", "LAYOUT", "SECOND", "at", "event", "frozen", "sampled", "write_recording"]
