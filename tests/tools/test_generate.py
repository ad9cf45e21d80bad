"""Generated files are those that their sources make, and leave nothing out."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import collector
import exporters
import fabricscope
import probes
from exporters.exposition import SERIES_QUALITY, Renderer
from fabricscope import plugins
from fabricscope.assemble import Assembler
from fabricscope.model import Kind, MetricSpec, Now, Overflow, Reading, Target
from tools import generate
from tools.generate import _row, generated

FILES = dict(generated())


@pytest.mark.parametrize("path", FILES)
def test_a_generated_file_is_up_to_date(path: str) -> None:
    assert (generate.ROOT / path).read_bytes() == FILES[path], "run `make generate`"


@pytest.mark.needs_program("promtool", package="prometheus")
def test_promtool_has_nothing_to_say_about_any_metric() -> None:
    specs = {spec.name: spec for _, table in generate.metric_tables() for spec in table}
    assert len(specs) > 150
    # What the renderer makes by itself cannot be handed to it.
    del specs[SERIES_QUALITY.name]
    readings = [Reading(spec, tuple("x" for _ in spec.labels), 1) for spec in specs.values()]
    target = Target((("cluster", "a"), ("host", "n1")), [Assembler("all", 1).assemble(readings, Now(0, 0))])
    text = b"".join(Renderer(10).render([target]).families)
    assert text.count(b"# TYPE") == len(specs)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.stdout + done.stderr).decode().splitlines() == []
    assert done.returncode == 0


def test_only_the_service_has_client_and_server_classes() -> None:
    assert [path for path in FILES if path.endswith("_grpc.py")] == ["fabricscope/v1/stream_pb2_grpc.py"]


def specs() -> Iterator[MetricSpec]:
    """Every metric that a module of ours defines by name."""
    for package in (fabricscope, probes, collector, exporters):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                module = importlib.import_module(found.name)
                yield from (value for value in vars(module).values() if isinstance(value, MetricSpec))


def test_every_metric_is_in_the_reference() -> None:
    text = FILES["docs/reference/metrics.md"].decode()
    assert not sorted({spec.name for spec in specs() if f"`{spec.name}`" not in text})


def test_every_sampler_and_command_is_in_the_reference() -> None:
    for sampler in plugins.found(plugins.SAMPLERS):
        assert f"\n## Sampler `{sampler}`\n" in FILES["docs/reference/metrics.md"].decode()
    for command in plugins.found(plugins.COMMANDS):
        assert f"\n## fabricscope {command}\n" in FILES["docs/reference/commands.md"].decode()


def test_a_narrow_counter_says_how_it_ends() -> None:
    spec = MetricSpec(
        "fabricscope_x_total", Kind.COUNTER, "Things | others", ("device",), bits=8, overflow=Overflow.SATURATES
    )
    assert _row(spec) == (
        "| `fabricscope_x_total` (counter) | `device` | Things \\| others. "
        "The device counts 8 bits and stops at its ceiling. |  |  |"
    )


def test_check_names_what_differs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "generated", lambda: iter([("a/x.md", b"x"), ("b.md", b"b")]))
    (tmp_path / "b.md").write_text("b")
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    with pytest.raises(SystemExit, match="make generate"):
        generate.main()
    assert capsys.readouterr().out == "differs: a/x.md\n"
    assert not (tmp_path / "a").exists()
    monkeypatch.setattr("sys.argv", ["generate"])
    generate.main()
    assert (tmp_path / "a" / "x.md").read_bytes() == b"x"
