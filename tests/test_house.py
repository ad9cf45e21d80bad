"""House rules that no linter knows. Each says why it is one; an exception is listed here with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("fabricscope", "probes", "collector", "exporters")
GENERATED = "fabricscope/v1/"
MAX_LINES = 300

CLOCK = "fabricscope/clock.py"

EDGES = {
    "collector/api/": "answers HTTP",
    "collector/daemon.py": "puts the collector together and runs it",
    "collector/handshakes.py": "gRPC tells of refused handshakes in its log alone, a pipe read by a thread",
    "collector/server.py": "listens",
    "collector/service.py": "receives streams",
    "collector/store/": "the store blocks: it has a thread",
    "exporters/prometheus.py": "answers scrapes, renders in a thread",
    "fabricscope/basic_auth.py": "bcrypt is slow on purpose and runs in a thread",
    "fabricscope/daemon.py": "runs a daemon",
    "fabricscope/http.py": "listens",
    "fabricscope/supervise.py": "runs child processes",
    "fabricscope/systemd.py": "talks to systemd",
    "fabricscope/up.py": "runs a program",
    "probes/agent.py": "puts the probe together and runs it",
    "probes/health/doctor.py": "samples for some seconds",
    "probes/health/running.py": "writes its state in a thread",
    "probes/engine/": "reads for the sources, in a thread",
    "probes/flows/commands.py": "waits as packets once did, or for a file to grow, until Ctrl-C",
    "probes/flows/sending.py": "sends what was replayed",
    "probes/once.py": "runs the samplers once, as the agent does again and again",
    "probes/outbox.py": "the spool blocks: it has a thread",
    "probes/recorder/recorder.py": "the journal blocks: it has a thread",
    "probes/sampling/rounds.py": "starts the samplers that are due",
    "probes/sampling/runner.py": "each sampler has a thread",
    "probes/session.py": "one stream to a collector",
    "probes/sources/": "reads the kernel",
    "probes/stream.py": "sends",
}
EDGE_MODULES = {"asyncio", "concurrent", "fcntl", "grpc", "multiprocessing", "select", "selectors", "signal"} | {
    "socket",
    "subprocess",
    "threading",
    "uvicorn",
}

STRAY_TASKS: dict[str, str] = {}

LONG: dict[str, str] = {}

OPENING = {"open", "read_bytes", "read_text", "iterdir", "listdir", "scandir", "glob", "rglob", "readlink", "walk"}
KERNEL = ("/sys/", "/proc/", "/dev/")
KERNEL_READERS = {
    "probes/sources/": "the one place",
    "probes/engine/": "the hot path of the sources",
    "fabricscope/process.py": "both daemons report on their own process",
}
SOURCELESS = ("probes/samplers/", "probes/sampling/", "probes/links/", "probes/flows/", "probes/recovery/")


def modules() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not name.startswith(GENERATED):
                yield name


def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"))


def listed(name: str, exceptions: dict[str, str]) -> bool:
    return any(name == entry or (entry.endswith("/") and name.startswith(entry)) for entry in exceptions)


def imports(source: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every module that is imported, anywhere in the file."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def calls(source: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call, with what is called as it is written."""
    for node in ast.walk(source):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def clock_reads(source: ast.Module) -> Iterator[int]:
    yield from (line for line, name in imports(source) if name == "time")
    for node, function in calls(source):
        if function.endswith((".now", ".utcnow", ".today")) and function.startswith(("date", "datetime")):
            yield node.lineno


def edge_imports(source: ast.Module) -> Iterator[int]:
    yield from (line for line, name in imports(source) if name.partition(".")[0] in EDGE_MODULES)


def stray_tasks(source: ast.Module) -> Iterator[int]:
    for node, function in calls(source):
        if function.endswith("ensure_future") or function in {"asyncio.create_task", "loop.create_task"}:
            yield node.lineno


def blocking_sleeps(source: ast.Module) -> Iterator[int]:
    yield from (node.lineno for node, function in calls(source) if function in {"time.sleep", "sleep"})


def kernel_paths(source: ast.Module) -> Iterator[int]:
    for node, function in calls(source):
        if function.rpartition(".")[2] in OPENING | {"Path"}:
            for argument in node.args:
                text = argument.value if isinstance(argument, ast.Constant) else None
                if isinstance(text, str) and text.startswith(KERNEL):
                    yield node.lineno


def files_opened(source: ast.Module) -> Iterator[int]:
    yield from (node.lineno for node, function in calls(source) if function.rpartition(".")[2] in OPENING)


def refuse(offenders: list[str], reason: str) -> None:
    assert not offenders, f"{reason}:\n  " + "\n  ".join(offenders)


def test_only_the_clock_reads_a_clock() -> None:
    refuse(
        [f"{name}:{line}" for name in modules() if name != CLOCK for line in clock_reads(tree(name))],
        f"time is an argument (`now: Now`), so that tests need no clock; only {CLOCK} reads one",
    )


def test_nothing_blocks_in_a_sleep() -> None:
    refuse(
        [f"{name}:{line}" for name in modules() for line in blocking_sleeps(tree(name))],
        "a sleeping thread cannot be stopped, nor tested without waiting; wait on what is waited for",
    )


def test_sockets_threads_processes_and_asyncio_stay_at_the_edge() -> None:
    refuse(
        [f"{name}:{line}" for name in modules() if not listed(name, EDGES) for line in edge_imports(tree(name))],
        "the core is synchronous and pure, which is what makes it testable; an edge is listed in EDGES with its reason",
    )


def test_every_task_has_a_group() -> None:
    refuse(
        [f"{name}:{line}" for name in modules() if not listed(name, STRAY_TASKS) for line in stray_tasks(tree(name))],
        "a task outside a TaskGroup can fail unheard and outlive its owner",
    )


def test_the_kernels_files_are_named_in_sources_alone() -> None:
    refuse(
        [
            f"{name}:{line}"
            for name in modules()
            if not listed(name, KERNEL_READERS)
            for line in kernel_paths(tree(name))
        ],
        "roots are arguments, so that tests and containers can put another tree there",
    )


def test_samplers_and_what_follows_them_open_no_file() -> None:
    refuse(
        [f"{name}:{line}" for name in modules() if name.startswith(SOURCELESS) for line in files_opened(tree(name))],
        "reading and interpreting are apart: files are opened in probes/sources",
    )


def test_every_module_has_a_test_of_its_name() -> None:
    missing = []
    for name in modules():
        path = Path(name)
        if path.name == "__init__.py" and not has_code(tree(name)):
            continue
        stem = path.parent.name if path.name == "__init__.py" else path.stem
        # A package's own code is tested beside its modules, under the package's name.
        test = Path("tests", path.parent, f"test_{stem}.py")
        if not (ROOT / test).exists():
            missing.append(f"{test} for {name}")
    refuse(missing, "who changes a module finds its tests without looking")


def has_code(source: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in source.body)


def test_modules_stay_short() -> None:
    refuse(
        [
            f"{name}: {count} lines"
            for name in modules()
            if name not in LONG and (count := len((ROOT / name).read_text("utf-8").splitlines())) > MAX_LINES
        ],
        f"a module of more than {MAX_LINES} lines has more than one reason to exist; split it, or say why in LONG",
    )


def test_exceptions_are_for_what_is_there() -> None:
    for exceptions in (EDGES, STRAY_TASKS, LONG, KERNEL_READERS):
        for name, reason in exceptions.items():
            assert (ROOT / name).exists(), name
            assert reason


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (clock_reads, "import time"),
        (clock_reads, "from time import monotonic_ns"),
        (clock_reads, "from datetime import datetime\ndatetime.now(UTC)"),
        (clock_reads, "import datetime\ndatetime.date.today()"),
        (edge_imports, "def f():\n    import subprocess"),
        (edge_imports, "from concurrent.futures import ThreadPoolExecutor"),
        (stray_tasks, "asyncio.get_running_loop()\nasyncio.create_task(f())"),
        (stray_tasks, "asyncio.ensure_future(f())"),
        (blocking_sleeps, "time.sleep(1)"),
        (kernel_paths, "Path('/sys/class/net').iterdir()"),
        (kernel_paths, "open('/proc/meminfo')"),
        (files_opened, "path.read_text()"),
    ],
)
def test_each_rule_finds_what_it_forbids(rule: object, source: str) -> None:
    assert callable(rule)
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (clock_reads, "from datetime import datetime\ndatetime.fromtimestamp(now.wall)"),
        (stray_tasks, "tasks.create_task(f())"),
        (kernel_paths, "MetricSpec(source='/sys/class/net/<device>/speed')"),
    ],
)
def test_each_rule_leaves_the_rest_alone(rule: object, source: str) -> None:
    assert callable(rule)
    assert not list(rule(ast.parse(source)))
