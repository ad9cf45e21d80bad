from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.sources.nvml import child, process
from probes.sources.nvml.wire import Frames, packed
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.bindings import GCC, pynvml

Answers = Callable[[fake.Node], None]
CODE = "import sys; sys.path[:0] = sys.argv[6:]; from probes.sources.nvml.child import main; main(sys.argv[1:6])"


def run(library: str, requests: bytes, tmp_path: Path, parent: int | None = None) -> list[tuple[bytes, bytes]]:
    """What a child answers to these requests until they end."""
    with (tmp_path / "progress").open("wb+") as progress:
        reading, writing = os.pipe()
        numbers = [library, str(writing), str(progress.fileno()), str(os.getpid() if parent is None else parent), ""]
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", CODE, *numbers, *process._search_path()],
            stdin=subprocess.PIPE,
            pass_fds=(writing, progress.fileno()),
        ) as started:
            os.close(writing)
            started.communicate(requests, timeout=60)
        with os.fdopen(reading, "rb") as pipe:
            octets = pipe.read()
    frames, found = Frames(), []
    frames.feed(octets)
    while (frame := frames.take()) is not None:
        found.append(frame)
    return found


def request(number: int, **fields: Any) -> bytes:
    return packed(json.dumps({"id": number, "plans": {}, "gpus": [], "events": False} | fields).encode())


@GCC
def test_it_says_how_nvml_opened_and_answers_until_the_requests_end(
    library: Path, answers: Answers, tmp_path: Path
) -> None:
    answers(fake.plain_node(2))
    rows = [{"index": 1, "plans": [], "calls": ["temperature"]}]
    hello, first, second = run(str(library), request(1, gpus=rows) + request(2), tmp_path)
    assert json.loads(hello[0])["driver"] == "580.105.08"
    assert json.loads(first[0])["gpus"][0]["calls"] == [[0, 34]]
    assert json.loads(second[0]) == {"id": 2, "gpus": []}


@GCC
def test_a_request_that_it_cannot_do_is_answered_and_does_not_end_it(
    library: Path, answers: Answers, tmp_path: Path
) -> None:
    answers(fake.plain_node(1))
    bad = [{"index": 0, "plans": ["never sent"], "calls": []}]
    _, first, second = run(str(library), request(1, gpus=bad) + request(2), tmp_path)
    assert json.loads(first[0]) == {"id": 1, "error": "KeyError: 'never sent'"}
    assert json.loads(second[0])["id"] == 2


def test_a_library_that_is_not_there(tmp_path: Path) -> None:
    (hello,) = run(str(tmp_path / "no.so"), b"", tmp_path)
    assert json.loads(hello[0])["code"] == -1
    assert "no.so: cannot open shared object file" in json.loads(hello[0])["error"]


def test_it_does_not_outlive_a_parent_that_ended_before_it_began(tmp_path: Path) -> None:
    assert run(str(tmp_path / "no.so"), b"", tmp_path, parent=1) == []


def test_what_it_loads_is_small() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from probes.sources.nvml import child; child.load('');"
        "heavy = 'subprocess', 'msgspec', 'inspect', 'socket', 'ssl', 'typing';"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    made = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *process._search_path()], capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == ""


def test_the_bindings_are_made_to_use_a_library_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    assert child.load("").nvmlLib is None
    assert child.load("libc.so.6").nvmlLib._name == "libc.so.6"
