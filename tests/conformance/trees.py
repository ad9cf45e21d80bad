"""Trees and captures of real machines, from shared/data beside the checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
HARDWARE = DATA / "hardware"


def hardware(name: str) -> Path:
    """The directory of one origin, such as `prometheus-procfs`; skips the test where there is none."""
    return recording(f"hardware/{name}")


def recording(name: str) -> Path:
    """The same of any kind, such as `captures/ndpi`."""
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"no shared/data/{name} beside the checkout")
    return path


def linked_copy(source: Path, destination: Path) -> Path:
    """A copy of a sysfs tree with its symbolic links, which the stored ones hold as files with the target as text."""
    for path in sorted(source.rglob("*")):
        copy = destination / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        if content.startswith(b"../") and b"\n" not in content:
            copy.symlink_to(content.decode().rstrip("/"))
        else:
            shutil.copyfile(path, copy)
    return destination
