"""What installs things says plainly what it cannot do, and what to do about it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent.parent / "tools"


class Machine:
    """A directory of made-up programs, put before the real ones, and a record of how they were called."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.calls = directory / "calls"
        self.calls.touch()

    def program(self, name: str, script: str) -> None:
        path = self.directory / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{script}\n')
        path.chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", TOOLS / script, *arguments],
            env={"PATH": f"{self.directory}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian machine where nothing is installed."""
    made = Machine(tmp_path)
    made.program("dpkg-query", "exit 1")
    made.program("apt-get", "exit 0")
    made.program("id", "echo 0")
    return made


def test_packages_that_are_there_are_not_asked_for(machine: Machine) -> None:
    machine.program("dpkg-query", "printf installed")
    done = machine.run("debian-packages.sh", "prometheus")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "apt-get" not in machine.calls.read_text()


def test_root_installs_what_is_missing(machine: Machine) -> None:
    assert machine.run("debian-packages.sh", "prometheus", "chromium").returncode == 0
    assert "--no-install-recommends prometheus chromium\n" in machine.calls.read_text()
    assert "apt-get update" not in machine.calls.read_text()


def test_old_package_lists_are_brought_up_to_date(machine: Machine) -> None:
    machine.program("apt-get", f'grep -q "apt-get update" {machine.calls}')
    assert machine.run("debian-packages.sh", "prometheus").returncode == 0
    calls = machine.calls.read_text().splitlines()
    assert [call.split()[1] for call in calls if call.startswith("apt-get")] == ["install", "update", "install"]


def test_what_cannot_be_installed_is_named_and_stops_nothing(machine: Machine) -> None:
    machine.program("apt-get", "exit 100")
    done = machine.run("debian-packages.sh", "prometheus")
    assert done.returncode == 0
    assert "could not be installed: prometheus; what needs them is skipped" in done.stderr


def test_who_is_not_root_is_told_what_to_ask_for(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    done = machine.run("debian-packages.sh", "prometheus")
    assert done.returncode == 0
    assert "as root: apt-get install prometheus" in done.stderr
    assert "apt-get" not in machine.calls.read_text()


def test_a_python_that_is_not_there(machine: Machine, tmp_path: Path) -> None:
    done = machine.run("make-venv.sh", "python9.9", str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "python9.9 is not installed; install Python 3.11 or newer, or name one: make PYTHON=" in done.stderr


def test_a_python_that_is_too_old(machine: Machine, tmp_path: Path) -> None:
    machine.program("python3", 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    done = machine.run("make-venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "Python 3.9.2 is too old; fabricscope needs 3.11 or newer" in done.stderr


VENVLESS = """
case "$2" in
*version_info\\ *) exit 0 ;;
*ensurepip*) [ -e {installed} ] ;;
*print*) echo python3.11-venv ;;
*) echo made ;;
esac
"""


def test_debians_python_without_venv_gets_the_package(machine: Machine, tmp_path: Path) -> None:
    machine.program("python3", VENVLESS.format(installed=tmp_path / "installed"))
    machine.program("apt-get", f"touch {tmp_path / 'installed'}")
    done = machine.run("make-venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 0, done.stderr
    assert "install --yes --quiet --quiet --no-install-recommends python3.11-venv" in machine.calls.read_text()
    assert "python3 -m venv --clear" in machine.calls.read_text()


def test_debians_python_without_venv_is_explained_to_who_is_not_root(machine: Machine, tmp_path: Path) -> None:
    machine.program("python3", VENVLESS.format(installed=tmp_path / "installed"))
    machine.program("id", "echo 1000")
    done = machine.run("make-venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "cannot make virtual environments; on Debian, as root: apt-get install python3.11-venv" in done.stderr
