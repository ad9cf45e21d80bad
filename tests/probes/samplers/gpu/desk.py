"""The sampler on an NVML that the test plays (tests/fixtures/nvml/stub.py), and what a sample of it says."""

from __future__ import annotations

from fabricscope.model import Event, Reading
from fabricscope.settings import convert
from probes.samplers.gpu import GpuSampler, GpuSettings
from probes.sampling.sampler import Roots
from tests.fixtures.nvml.stub import Stub


def sampler(stub: Stub, **settings: object) -> GpuSampler:
    chosen = convert({"nvml_library": "fake"} | settings, GpuSettings, "gpu")
    return GpuSampler(chosen, Roots(sys="/nowhere"), client=stub.client(hang_seconds=2), clock=stub.clock)


class Sampled:
    """One sample, by what it says. Raises what the sampler raises, unless that told of something before."""

    def __init__(self, reader: GpuSampler, stub: Stub) -> None:
        found: list[Reading | Event] = []
        self.error: OSError | None = None
        try:
            found.extend(reader.sample(stub.clock()))
        except OSError as error:
            if not found:
                raise
            self.error = error
        self.rows = [row for row in found if isinstance(row, Reading)]
        self.events = [row for row in found if isinstance(row, Event)]
        self.by = {(row.spec.name.removeprefix("fabricscope_gpu_"), *row.labels): row for row in self.rows}

    def value(self, *key: str) -> int | float | None:
        return self.by[key].value

    @property
    def up(self) -> list[int | float | None]:
        return [row.value for key, row in sorted(self.by.items()) if key[0] == "up"]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(event.kind, event.subject["gpu"]) for event in self.events]


def later(reader: GpuSampler, stub: Stub, seconds: float = 1) -> Sampled:
    stub.clock.advance(seconds)
    return Sampled(reader, stub)
