"""The whole way: the sampler, its child process, NVIDIA's bindings, and the fake library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from probes.samplers.gpu import GpuSampler, GpuSettings
from probes.sampling.sampler import Roots
from probes.sources.nvml import opening
from probes.sources.nvml.client import Client
from probes.sources.nvml.process import ChildProcess
from tests.fixtures.nvml import bindings, fake
from tests.fixtures.nvml.bindings import GCC
from tests.fixtures.nvml.stub import SECOND, Stub
from tests.probes.samplers.gpu.desk import Sampled, later, sampler


@pytest.fixture
def real(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Real]:
    monkeypatch.setenv(fake.VARIABLE, str(tmp_path / "answers"))
    world = Real(bindings.built(tmp_path_factory), tmp_path / "answers")
    yield world
    world.close()


class Real:
    """The sampler on the real child process, the real bindings and the fake library."""

    def __init__(self, library: Path, answers: Path) -> None:
        self._library, self._answers = library, answers
        self._reader: GpuSampler | None = None

    def put(self, node: fake.Node) -> None:
        node.write(self._answers)

    def sample(self) -> Sampled:
        if self._reader is None:
            client = Client(lambda skip: ChildProcess(str(self._library), system_clock, skip), system_clock, SECOND)
            settings = GpuSettings(nvml_library=str(self._library), deadline_seconds=60)
            self._reader = GpuSampler(settings, Roots(), client=client)
        stub = Stub(fake.Node(0))
        stub.clock = system_clock  # type: ignore[assignment]
        return Sampled(self._reader, stub)

    def close(self) -> None:
        if self._reader is not None:
            self._reader._client.close()


@GCC
def test_the_whole_way_from_the_library(real: Real) -> None:
    real.put(fake.plain_node(8))
    real.sample()
    sampled = real.sample()
    assert sampled.up == [1.0] * 8
    stub = Stub(fake.plain_node(8))
    reader = sampler(stub)
    Sampled(reader, stub)
    assert [row[:3] for row in sampled.rows] == [row[:3] for row in later(reader, stub).rows]


@GCC
def test_lost_and_hung_on_the_whole_way(real: Real) -> None:
    node = fake.plain_node(3)
    real.put(node)
    assert real.sample().up == [1.0] * 3
    real.put(node.line("gone 0 15").line("xid 0 79"))
    sampled = real.sample()
    assert sampled.up == [0.0, 1.0, 1.0]
    assert sampled.kinds == [("gpu.lost", "0"), ("gpu.xid", "0")]
    real.put(node.without("gone").line("hang 2"))
    samples = [real.sample() for _ in range(4)]
    assert ("gpu.hung", "2") in [kind for sampled in samples for kind in sampled.kinds]
    until = system_clock().mono + 60 * SECOND
    while (sampled := real.sample()).up != [1.0, 1.0, 0.0]:
        assert system_clock().mono < until, sampled.up


@GCC
@pytest.mark.parametrize(("line", "gpu"), [("hang init", "all"), ("hang 2", "2")])
def test_a_first_start_that_hangs_on_the_whole_way(
    real: Real, monkeypatch: pytest.MonkeyPatch, line: str, gpu: str
) -> None:
    monkeypatch.setattr(opening, "LATE_NS", SECOND)
    real.put(fake.plain_node(3).line(line))
    sampled = real.sample()
    (event,) = sampled.events
    assert (event.kind, event.subject["gpu"]) == ("gpu.hung", gpu)
    assert "NVML does not open" in event.message
    assert "NVML does not open" in str(sampled.error)


@GCC
@pytest.mark.parametrize(("line", "word"), [("init 9", "DRIVER_NOT_LOADED"), ("init 18", "LIB_RM_VERSION_MISMATCH")])
def test_a_library_that_refuses_on_the_whole_way(real: Real, line: str, word: str) -> None:
    real.put(fake.plain_node(3).line(line))
    for _ in range(2):
        with pytest.raises(OSError, match=word):
            real.sample()


def test_a_library_that_is_not_there_on_the_whole_way(tmp_path: Path) -> None:
    settings = GpuSettings(nvml_library=str(tmp_path / "libnvidia-ml.so.1"), deadline_seconds=60)
    reader = GpuSampler(settings, Roots(sys=str(tmp_path)))
    try:
        with pytest.raises(OSError, match="cannot open shared object file"):
            list(reader.sample(system_clock()))
    finally:
        reader.close()
