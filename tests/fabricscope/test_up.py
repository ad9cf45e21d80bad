"""`fabricscope up`: what it starts, and what it says before it starts anything."""

from __future__ import annotations

import fcntl
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fabricscope import config_file, sections
from fabricscope import up as module
from fabricscope.cli import Document
from fabricscope.supervise import DaemonError
from fabricscope.up import UpError, check_ports, commands_for, lock, up


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def free() -> list[int]:
    """Three ports that nobody listened on a moment ago."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        return [listener.getsockname()[1] for listener in listeners]


def invoke(state_dir: Path, ports: list[int], *arguments: str) -> Result:
    options = ("--collector-grpc-port", "--collector-http-port", "--probe-http-port")
    chosen = [text for option, port in zip(options, ports, strict=True) for text in (option, str(port))]
    return CliRunner().invoke(up, ["--state-dir", str(state_dir), *chosen, *arguments])


def test_a_port_in_use_is_named_with_its_option(taken: int, free: list[int], tmp_path: Path) -> None:
    result = invoke(tmp_path / "state", [free[0], taken, free[2]])
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: 127.0.0.1:{taken}: Address already in use; choose another port with --collector-http-port\n"
    )
    assert not (tmp_path / "state").exists()


def test_one_port_cannot_serve_two(free: list[int]) -> None:
    with pytest.raises(UpError, match="choose another port with --b"):
        check_ports({"--a": free[0], "--b": free[0]})
    check_ports({"--a": free[0], "--b": free[1]})


def test_a_port_that_is_shared_by_its_owner_is_in_use_still() -> None:
    with socket.socket() as listener:  # as gRPC listens
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(UpError, match="Address already in use"):
            check_ports({"--a": listener.getsockname()[1]})


def test_wrong_settings_are_all_told_before_anything_starts(free: list[int], tmp_path: Path) -> None:
    result = invoke(tmp_path / "state", free, "--set", "probe.hots=a", "--set", "collector.log.level=loud")
    assert result.exit_code == 2
    assert "probe: 'hots' is not a known setting" in result.stderr
    assert "collector.log.level: 'loud' does not fit" in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_state_directory_that_cannot_be_made_is_named(free: list[int], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke(tmp_path / "file" / "state", free)
    assert result.exit_code == 2
    assert result.stderr.endswith("Not a directory; choose a directory that you can write with --state-dir\n")


def test_two_do_not_share_a_state_directory(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(UpError, match="another `fabricscope up` works here"), lock(tmp_path):
        pass
    with (tmp_path / "up.lock").open() as file:  # given back
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_state_directory_is_its_owners_alone(tmp_path: Path) -> None:
    with lock(tmp_path / "a" / "state"):
        assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700


def test_the_daemons_get_the_users_settings_with_the_addresses_over_them(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {host: node7, http: {listen: ':9'}}\n")
    state_dir = tmp_path / "a: dir # odd"
    commands = commands_for(Document(file, ("probe.labels.rack=r1",)), state_dir, 1, 2, 3)
    assert list(commands) == ["collector", "probe"]
    for daemon, command in commands.items():
        assert command[:5] == [sys.executable, "-P", "-m", "fabricscope", daemon]
        assert command[5:7] == ["--config", str(file)]
        assignments = command[8::2]
        settings, errors = sections.effective(config_file.override(config_file.read_file(file), assignments))
        assert errors == []
        assert settings["probe"]["host"] == "node7"
        assert settings["probe"]["labels"] == {"rack": "r1"}
        assert settings["probe"]["http"]["listen"] == "127.0.0.1:3"
        assert settings["probe"]["collectors"] == ["127.0.0.1:1"]
        assert settings["probe"]["spool"]["path"] == str(state_dir / "spool.db")
        assert settings["probe"]["health"]["state"] == str(state_dir / "health.json")
        assert settings["probe"]["recorder"]["directory"] == str(state_dir)
        assert settings["collector"]["grpc"]["listen"] == "127.0.0.1:1"
        assert settings["collector"]["http"]["listen"] == "127.0.0.1:2"
        assert settings["collector"]["data_dir"] == str(state_dir / "collector")


def test_what_is_installed_on_this_host_is_left_out(tmp_path: Path) -> None:
    for command in commands_for(Document(None, ()), tmp_path, 1, 2, 3).values():
        file = command[command.index("--config") + 1]
        assert config_file.read_file(Path(file)) == {}


def test_the_end_of_a_daemon_is_told_with_its_exit_code(
    free: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def supervise(*_: object) -> None:
        raise DaemonError("the probe ended with exit code 3", 3)

    monkeypatch.setattr(module, "supervise", supervise)
    result = invoke(tmp_path / "state", free)
    assert result.exit_code == 3
    assert result.stderr == "fabricscope: the probe ended with exit code 3\n"


def test_says_where_to_look(free: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def supervise(commands: object, announce: object, output: object) -> None:
        assert callable(announce)
        announce()

    monkeypatch.setattr(module, "supervise", supervise)
    output = invoke(tmp_path / "state", free).stdout
    assert f"http://127.0.0.1:{free[1]}/metrics" in output
    assert f"http://127.0.0.1:{free[2]}/metrics" in output
    assert f" recorder list --set probe.recorder.directory={tmp_path / 'state'}\n" in output
