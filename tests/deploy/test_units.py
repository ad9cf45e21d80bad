"""The units are valid, hardened as promised, and the daemons work under their system call filters."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.confine import allowed

SYSTEMD = Path(__file__).parent.parent.parent / "deploy" / "systemd"
CEILINGS = {"probe": 2.0, "collector": 2.0}
DROP_INS = {"gpu-node.conf": 3.0, "ib-fabric.conf": 2.2, "mirror.conf": 2.6}

pytestmark = pytest.mark.needs_program("systemd-analyze", package="systemd")


def unit(daemon: str) -> Path:
    return SYSTEMD / f"fabricscope-{daemon}.service"


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("daemon", CEILINGS)
def test_exposure_stays_below_its_ceiling(daemon: str, tmp_path: Path) -> None:
    # Where no drop-in lies beside it: those that do count as its own.
    bare = shutil.copy(unit(daemon), tmp_path)
    report = analyze("security", "--offline=true", "--no-pager", bare)
    rating = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", report.stdout)
    assert rating, report.stderr
    assert float(rating.group(1)) < CEILINGS[daemon]


@pytest.mark.parametrize("daemon", CEILINGS)
def test_systemd_takes_the_unit(daemon: str, tmp_path: Path) -> None:
    # The program is not installed where tests run.
    text = unit(daemon).read_text().replace("/opt/fabricscope/bin/fabricscope", "/bin/true")
    (tmp_path / unit(daemon).name).write_text(text)
    checked = analyze("verify", tmp_path / unit(daemon).name)
    assert checked.returncode == 0, checked.stderr
    assert unit(daemon).name not in checked.stderr


@pytest.mark.parametrize(("drop_in", "ceiling"), DROP_INS.items())
def test_a_drop_in_fits_the_unit_and_opens_no_more_than_it_says(drop_in: str, ceiling: float, tmp_path: Path) -> None:
    text = unit("probe").read_text().replace("/opt/fabricscope/bin/fabricscope", "/bin/true")
    (tmp_path / unit("probe").name).write_text(text)
    folder = tmp_path / f"{unit('probe').name}.d"
    folder.mkdir()
    (folder / drop_in).write_text((SYSTEMD / folder.name / drop_in).read_text())
    checked = analyze("verify", tmp_path / unit("probe").name)
    assert checked.returncode == 0, checked.stderr
    assert folder.name not in checked.stderr
    # Offline it rates one file: the drop-in's lines go behind the unit's, as systemd reads them.
    service, install = text.split("[Install]")
    added = (folder / drop_in).read_text().split("[Service]")[1]
    (tmp_path / "rated.service").write_text(f"{service}\n{added}\n[Install]{install}")
    report = analyze("security", "--offline=true", "--no-pager", tmp_path / "rated.service")
    rating = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", report.stdout)
    assert rating, report.stderr
    assert float(rating.group(1)) < ceiling


def test_every_drop_in_is_looked_at() -> None:
    assert {path.name for path in (SYSTEMD / "fabricscope-probe.service.d").iterdir()} == set(DROP_INS)


@pytest.mark.parametrize("daemon", CEILINGS)
def test_what_the_issue_asks_of_a_unit_is_there(daemon: str) -> None:
    service = dict(
        line.split("=", 1) for line in unit(daemon).read_text().splitlines() if "=" in line and line[0] != "#"
    )
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert {"MemoryMax", "CPUQuota", "TasksMax"} <= service.keys()
    assert service["CapabilityBoundingSet"] == ""
    users = (SYSTEMD / "fabricscope.sysusers.conf").read_text()
    assert f"u {service['User']} " in users
    assert service["User"] in (SYSTEMD / "fabricscope.tmpfiles.conf").read_text()


@pytest.mark.needs_program("systemd-sysusers", package="systemd")
def test_the_users_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "fabricscope.sysusers.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    if os.geteuid() == 0:
        assert made.returncode == 0, made.stderr
        assert "fabricscope-collector:" in (tmp_path / "etc" / "passwd").read_text()
    else:
        assert "Failed to parse" not in made.stderr


@pytest.mark.parametrize("daemon", CEILINGS)
def test_the_daemon_gets_ready_and_ends_under_the_units_filter(daemon: str, tmp_path: Path) -> None:
    settings = (
        f"collector.data_dir={tmp_path / 'store'}",
        "collector.grpc.listen=127.0.0.1:0",
        "collector.http.listen=127.0.0.1:0",
        f"probe.spool.path={tmp_path / 'spool.db'}",
        f"probe.health.state={tmp_path / 'health.json'}",
        f"probe.recorder.directory={tmp_path}",
        "probe.http.listen=127.0.0.1:0",
    )
    options = [text for setting in settings for text in ("--set", setting)]
    confine = [sys.executable, str(Path(__file__).parent / "confine.py"), str(unit(daemon))]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        with subprocess.Popen(
            [*confine, sys.executable, "-m", "fabricscope", daemon, *options],
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                heard = until(manager, process, "READY=1")
                process.send_signal(signal.SIGTERM)
                heard += until(manager, process, "STOPPING=1")
                output, _ = process.communicate(timeout=100)
            finally:
                process.kill()
    assert process.returncode == 0, output
    assert "WATCHDOG=1" in heard


def until(manager: socket.socket, process: subprocess.Popen[str], message: str) -> list[str]:
    """Every message up to the one that is waited for, which must come before the process ends."""
    heard: list[str] = []
    ended = os.pidfd_open(process.pid)
    either: list[socket.socket | int] = [manager, ended]
    try:
        while message not in heard:
            if manager not in select.select(either, [], [])[0]:
                pytest.fail(f"it ended without {message}:\n{process.communicate()[0]}")
            heard += manager.recv(4096).decode().splitlines()
    finally:
        os.close(ended)
    return heard


def test_the_filter_is_the_one_of_the_unit() -> None:
    calls = allowed(unit("probe").read_text())
    assert {"read", "socket", "epoll_wait", "execve"} <= calls
    assert not {"mount", "ptrace", "setuid", "sched_setscheduler", "init_module", "bpf"} & calls
