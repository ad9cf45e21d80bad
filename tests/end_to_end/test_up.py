"""`fabricscope up` as a person runs it: the real daemons, over this machine's own counters."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path


def free_ports() -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        return [listener.getsockname()[1] for listener in listeners]


def test_starts_says_where_to_look_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    options = ("--collector-grpc-port", "--collector-http-port", "--probe-http-port")
    ports = [text for option, port in zip(options, free_ports(), strict=True) for text in (option, str(port))]
    # What lies where a person happens to be is none of ours.
    (tmp_path / "fabricscope").mkdir()
    (tmp_path / "fabricscope" / "__init__.py").write_text("raise SystemExit('not this one')")
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "fabricscope", "up", "--state-dir", str(tmp_path / "state"), *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if "Ctrl-C ends it" in line:
                    break
            for url in re.findall(r"http://[^\s]+", "".join(said[said.index("\n") :])):
                with urllib.request.urlopen(url) as answer:
                    assert answer.status == 200, url
            process.send_signal(signal.SIGINT)
            said += process.stdout.readlines()
            code = process.wait()
        finally:
            process.kill()
    assert code == 0, "".join(said)
    ends = [line.partition(" ")[0] for line in said if "event=stopping" in line]
    assert ends == ["probe", "collector"]
    assert (tmp_path / "state" / "spool.db").exists()
