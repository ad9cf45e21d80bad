"""`fabricscope replay`, as it is called."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fabricscope import cli
from probes.flows.commands import _interrupted
from tests.fixtures.roce.scenarios import everything
from tests.probes.engine.conftest import needs_native
from tests.probes.engine.test_capture import pcap, roce
from tests.probes.sources.test_libpcap import need_libpcap

pytestmark = [needs_native]


def replay(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(cli.cli, ["replay", *map(str, arguments)], input=stdin)
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(roce(1, 2), roce(2, 1), roce(3, 4)))
    return path


def test_what_was_lost_is_told_first(tmp_path: Path) -> None:
    made = everything(31)
    made.write(tmp_path / "roce.pcap")
    lost = sum(len(way.lost) for one in made.truth.connections for way in (one.forward, one.reverse))
    result = replay(tmp_path / "roce.pcap")
    assert result.exit_code == 0
    assert f"  {lost} packets lost in the fabric" in result.stdout
    assert "5 for priority 3, 2 for priority 4" in result.stdout
    assert result.stdout.index("lost in the fabric") < result.stdout.index("RDMA connection")


def test_scripts_get_json_of_packed_files_too(capture: Path, tmp_path: Path) -> None:
    packed = tmp_path / "b.pcap.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    result = replay(capture, packed, "--json")
    document = json.loads(result.stdout)
    assert (document["books"]["packets"]["packets"], document["capture"]["notices"]) == (6, [])


def test_records_go_to_a_file(capture: Path, tmp_path: Path) -> None:
    for name in ("flows.csv", "flows.parquet"):
        result = replay(capture, "--flows", tmp_path / name, "--observer", "span")
        assert result.exit_code == 0
        assert f"3 flow records written to {tmp_path / name}" in result.stderr
    assert "\nspan," in (tmp_path / "flows.csv").read_text()
    assert (tmp_path / "flows.parquet").read_bytes()[:4] == b"PAR1"


def test_a_filter_leaves_packets_out(capture: Path) -> None:
    need_libpcap()
    assert "  2 packets filtered" in replay(capture, "--filter", "src host 10.0.0.1").stdout


def test_a_file_that_is_cut_off_is_a_result_with_a_warning(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-1])
    result = replay(capture)
    assert result.exit_code == 1
    assert "ends inside the record" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{folder}/none.pcap"], "none.pcap: cannot be opened: No such file"),
        (["{folder}"], "is a directory"),
        (["{folder}/text"], "neither pcap nor pcapng"),
        (["{folder}/empty"], "is empty"),
        (["{capture}", "--rules", "{folder}/bad.yaml"], "bad.yaml:1: "),
        (["{capture}", "--rules", "{folder}/nowhere"], "nowhere: cannot be read"),
        (["{capture}", "--flows", "{folder}/none/x.csv"], "there is no folder"),
        (["{capture}", "--send"], "probe.collectors names nobody"),
        (["{capture}", "--ipfix", "5"], "HOST:PORT"),
        (["{capture}", "--set", "probe.hst=n"], "hst"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], words: str, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no capture")
    (tmp_path / "empty").touch()
    (tmp_path / "bad.yaml").write_text("rulse: {}\n")
    result = replay(*(each.format(folder=tmp_path, capture=capture) for each in arguments))
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 or not arguments


def test_a_filter_that_is_none_is_one_line(capture: Path) -> None:
    need_libpcap()
    result = replay(capture, "--filter", "udp prt")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_ctrl_c_ends_waiting_and_a_second_one_everything() -> None:
    before = signal.getsignal(signal.SIGINT)
    with _interrupted() as pause:
        assert not pause(0)
        signal.raise_signal(signal.SIGINT)
        assert pause(3600)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
