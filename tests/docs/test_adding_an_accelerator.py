"""docs/adding-an-accelerator.md is the package that it describes: it is installed here, and sampled with."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope import plugins
from fabricscope.clock import system_clock
from probes.once import available, sample_once, show_json

PAGE = (Path(__file__).parents[2] / "docs/adding-an-accelerator.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
MODULE = "fabricscope_npu"

LIBRARY = """
#include <stdlib.h>
#include <unistd.h>
int npu_count(void) { return 2; }
int npu_link(int npu, int link, int *up, unsigned long long *bytes) {
    if (npu == 1 && link == 7 && access(TROUBLE "hang", F_OK) == 0) pause();
    if (npu == 1 && link == 7 && access(TROUBLE "crash", F_OK) == 0) abort();
    if (link >= 2 && link < 7) return 1;
    *up = link != 7;
    *bytes = 10000000000ULL * npu + link;
    return 0;
}
"""
"""A native library with 2 NPUs of 3 links each, that hangs or crashes where a file says so."""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder where the page's package is installed, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    for name in (f"{MODULE}.py", f"test_{MODULE}.py"):
        (site / name).write_text(BLOCKS[name])
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    about = site / f"{MODULE}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items()) for group, points in groups
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield site
    sys.modules.pop(MODULE, None)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The vendor's library, compiled."""
    (tmp_path / "npu0").touch()
    source, path = tmp_path / "npu.c", tmp_path / "libnpu.so"
    source.write_text(LIBRARY)
    trouble = f'-DTROUBLE="{tmp_path}/"'
    subprocess.run(["cc", "-shared", "-fPIC", trouble, "-o", str(path), str(source)], check=True, capture_output=True)
    return path


def values(result: object) -> dict[tuple[str, str, str], int | float | None]:
    document = json.loads(json.dumps(result))
    assert document["failures"] == {}
    return {(row["metric"], row["labels"]["npu"], row["labels"]["link"]): row["value"] for row in document["readings"]}


def test_the_page_has_a_package_with_its_test() -> None:
    assert sorted(BLOCKS) == sorted(["pyproject.toml", f"{MODULE}.py", f"test_{MODULE}.py"])
    assert len(BLOCKS[f"{MODULE}.py"].splitlines()) <= 100
    project = tomllib.loads(BLOCKS["pyproject.toml"])
    assert project["tool"]["setuptools"]["py-modules"] == [MODULE]


@pytest.mark.usefixtures("installed")
def test_it_is_found_and_says_what_is_missing(tmp_path: Path) -> None:
    assert "npu" in plugins.found(plugins.SAMPLERS)
    roots = {"dev": str(tmp_path)}
    (row,) = [row for row in available({"probe": {"roots": roots}}) if row.name == "npu"]
    assert (row.available, row.metrics) == (False, 2)
    assert "npu0 is not there" in row.detail
    (tmp_path / "npu0").touch()
    (row,) = [row for row in available({"probe": {"roots": roots}}) if row.name == "npu"]
    assert row.available


@pytest.mark.needs_program("cc", package="gcc")
@pytest.mark.usefixtures("installed")
def test_it_samples_a_native_library(library: Path) -> None:
    npu = {"npu_library": str(library), "answer_seconds": 30}
    settings = {"probe": {"roots": {"dev": str(library.parent)}, "samplers": {"npu": npu}}}
    assert values(show_json(sample_once(settings, ["npu"], system_clock))) == {
        (f"fabricscope_npu_{metric}", str(npu), str(link)): value
        for npu in range(2)
        for link in (0, 1, 7)
        for metric, value in (("link_up", float(link != 7)), ("link_receive_bytes_total", 10**10 * npu + link))
    }


@pytest.mark.needs_program("cc", package="gcc")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("trouble", ["hang", "crash"])
def test_a_library_that_hangs_or_crashes_costs_a_sample_and_not_the_probe(library: Path, trouble: str) -> None:
    module = importlib.import_module(MODULE)
    sampler = module.NpuSampler(
        module.NpuSettings(npu_library=str(library), answer_seconds=30), module.Roots(dev=str(library.parent))
    )
    fine = list(sampler.sample(system_clock()))
    assert len(fine) == 12
    (library.parent / trouble).touch()
    if trouble == "hang":
        sampler._settings = module.NpuSettings(npu_library=str(library), answer_seconds=0.2)
    child = sampler._child
    *unreadable, event = list(sampler.sample(system_clock()))
    assert {row.quality.name for row in unreadable} == {"UNREADABLE"}
    assert [row[:2] for row in unreadable] == [row[:2] for row in fine]
    assert event.kind == "npu.restarted"
    assert child.returncode is not None
    (library.parent / trouble).unlink()
    sampler._settings = module.NpuSettings(npu_library=str(library), answer_seconds=30)
    assert list(sampler.sample(system_clock())) == fine
    sampler.close()


def test_the_pages_own_test_passes(installed: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"test_{MODULE}.py"],
        cwd=installed,
        env={"PYTHONPATH": f"{installed}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "6 passed" in run.stdout


@pytest.mark.usefixtures("installed")
def test_its_metrics_are_in_the_reference() -> None:
    from tools import generate

    tables = dict(generate.metric_tables())
    assert [spec.name for spec in tables["Sampler `npu`"]] == [
        "fabricscope_npu_link_up",
        "fabricscope_npu_link_receive_bytes_total",
    ]


def test_the_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
