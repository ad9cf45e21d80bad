"""The sampler on ports that a test plays; tests/probes/flows/test_live.py has real ones."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fabricscope.books import Books
from fabricscope.clock import NANOSECONDS
from fabricscope.flow import Flow, FlowRecord
from fabricscope.model import Event, Reading, Severity
from fabricscope.settings import SettingsError
from probes.flows.language.problems import RulesError
from probes.flows.metering import MeterSettings
from probes.samplers import flows as module
from probes.samplers.flows import FlowsSampler, FlowsSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from probes.sources.libpcap import FilterError
from probes.sources.mirror import RingCounts, RingOptions
from tests.fixtures.books import books
from tests.fixtures.flows import flow
from tests.probes.engine.conftest import needs_native
from tests.probes.made import at

pytestmark = [needs_native]

GONE = OSError(errno.ENODEV, "mon: is no longer there")
DOWN = OSError(errno.ENETDOWN, "mon: is down")


class FakePort:
    """A mirror port as the test wants it."""

    def __init__(self) -> None:
        self.records: list[FlowRecord] = []
        self.left: list[FlowRecord] = []
        self.trouble: OSError | None = None
        self.rules: list[Any] = []
        self.closed = 0

    def take(self) -> list[FlowRecord]:
        taken, self.records = self.records, []
        return taken

    def books(self) -> Sequence[Books]:
        return [books()]

    def counts(self) -> RingCounts:
        if self.trouble is not None:
            raise self.trouble
        return RingCounts(100, 0, 0)

    @property
    def meters(self) -> Sequence[Any]:
        return [self]

    def save_kept(self, wanted: bytes) -> tuple[int, bytes]:
        """One meter, which has 20 packets of each flow that is wanted."""
        count = 20 * len(msgspec.msgpack.decode(wanted))
        return count, b"section" if count else b""

    @property
    def is_gone(self) -> bool:
        return self.trouble is GONE

    @property
    def reason(self) -> str:
        return str(GONE)

    def set_rules(self, rules: Any) -> None:
        self.rules.append(rules)

    def close(self) -> list[FlowRecord]:
        self.closed += 1
        return self.left


class Bench:
    """A sampler, and the ports that it opened."""

    def __init__(self, **settings: Any) -> None:
        self.opened: list[tuple[str, RingOptions, FakePort]] = []
        self.refusal: OSError | None = None
        given = FlowsSettings(**{"interfaces": ("mon",), **settings})
        self.sampler = FlowsSampler(given, Roots(), lambda: at(0), self._open)

    def _open(self, name: str, options: RingOptions, make_meter: Callable[[], Any], _clock: Any) -> Any:
        if self.refusal is not None:
            raise self.refusal
        make_meter()
        self.opened.append((name, options, FakePort()))
        return self.opened[-1][2]

    @property
    def port(self) -> FakePort:
        return self.opened[-1][2]

    def sample(self, second: float) -> list[Any]:
        return list(self.sampler.sample(at(second)))


def value(rows: Iterable[Any], name: str, observer: str = "mon") -> float | None:
    (found,) = [
        row.value
        for row in rows
        if isinstance(row, Reading) and row.spec.name == f"fabricscope_flows_{name}" and row.labels == (observer,)
    ]
    return found


def test_without_an_interface_there_is_nothing_to_sample() -> None:
    bench = Bench(interfaces=())
    assert bench.sampler.unavailable() == "no mirror port is named: set probe.samplers.flows.interfaces"
    assert bench.sample(0) == []


def test_a_port_becomes_series_and_flows() -> None:
    bench = Bench(workers=3, snap_bytes=128)
    assert bench.sampler.unavailable() is None
    bench.port.records = [flow().record]
    rows = bench.sample(0)
    assert [(name, options.workers, options.snap) for name, options, _ in bench.opened] == [("mon", 3, 128)]
    assert value(rows, "up") == 1
    assert value(rows, "packets_total") == 100
    (told,) = [row for row in rows if isinstance(row, Flow)]
    assert (told.observer, told.record.classification.label) == ("mon", "tls")
    assert not [row for row in bench.sample(1) if isinstance(row, Flow)]
    bench.sampler.close()
    assert bench.port.closed == 1


KEEPING = """
policies:
  forbidden:
    when: {label: [tls]}
    then: {keep: true}
"""


def keeping(tmp_path: Path, folder: Path) -> Bench:
    """A sampler whose policy keeps the packets of TLS."""
    (tmp_path / "own.yaml").write_text(KEEPING)
    meter = MeterSettings(keep_bytes=8 << 20)
    return Bench(rules=(str(tmp_path / "own.yaml"),), meter=meter, keep_folder=str(folder))


def test_packets_of_flows_that_a_policy_keeps_are_saved_and_counted(tmp_path: Path) -> None:
    bench = keeping(tmp_path, tmp_path / "packets")
    bench.sample(0)
    bench.port.records = [flow().record, flow(label="dns").record]
    rows = bench.sample(1)
    assert (tmp_path / "packets" / "mon.pcapng").read_bytes() == b"section"
    # The flow has 30 packets, of which the meter still had 20.
    assert (value(rows, "kept_packets_total"), value(rows, "kept_missed_packets_total")) == (20, 10)


def test_packets_that_find_no_place_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    bench = keeping(tmp_path, tmp_path / "file" / "folder")
    bench.sample(0)
    told = []
    for second in (1, 2):
        bench.port.records = [flow().record]
        rows = bench.sample(second)
        told += [row for row in rows if isinstance(row, Event)]
    assert [event.kind for event in told] == ["flows.packets_not_kept"]
    assert "Not a directory" in told[0].message
    assert (value(rows, "kept_packets_total"), value(rows, "kept_missed_packets_total")) == (0, 60)


def test_what_it_yields_is_a_sample_that_every_collector_takes() -> None:
    bench = Bench()
    pipeline = Pipeline("flows", NANOSECONDS)
    bench.sampler.unavailable()
    bench.port.records = [flow().record]
    processed = pipeline.process(bench.sample(0), at(0))
    assert len(processed.flows) == 1
    assert {series.spec for series in processed.sampled.series_set.gauges} <= set(FlowsSampler.metrics)


def test_a_port_that_cannot_be_opened_is_tried_again_now_and_then() -> None:
    bench = Bench()
    bench.refusal = OSError(errno.EPERM, "mon: cannot be captured: CAP_NET_RAW")
    assert "CAP_NET_RAW" in str(bench.sampler.unavailable())
    with pytest.raises(OSError, match="CAP_NET_RAW"):
        bench.sample(1)
    bench.refusal = None
    with pytest.raises(OSError, match="CAP_NET_RAW"):
        bench.sample(9)
    assert value(bench.sample(10), "up") == 1


def test_a_port_that_goes_away_gives_its_records_and_is_opened_again() -> None:
    bench = Bench()
    bench.sample(0)
    first = bench.port
    first.trouble, first.left = GONE, [flow(label="last").record]
    bench.refusal = OSError(errno.ENODEV, "mon: there is no such interface")
    rows: list[Any] = []
    for second, words in ((1, "no longer there"), (10, "no such interface"), (19, "no such interface")):
        # What comes before the error is told with it.
        with pytest.raises(OSError, match=words):
            rows.extend(bench.sampler.sample(at(second)))
    assert first.closed == 1
    assert [row.record.classification.label for row in rows if isinstance(row, Flow)] == ["last"]
    assert value(rows[-len(rows) // 3 :], "up") == 0
    bench.refusal = None
    assert value(bench.sample(20), "up") == 1


def test_one_port_in_trouble_does_not_stop_the_other() -> None:
    bench = Bench(interfaces=("mon", "mon2"))
    bench.sample(0)
    bench.opened[0][2].trouble = DOWN
    rows = bench.sample(1)
    assert (value(rows, "up"), value(rows, "up", "mon2")) == (0, 1)
    assert value(rows, "packets_total", "mon2") == 100
    bench.opened[0][2].trouble = None
    assert value(bench.sample(2), "up") == 1
    assert len(bench.opened) == 2, "one that is down is not opened again"


def test_records_are_shared_among_samples_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 3)
    monkeypatch.setattr(module, "MAX_WAITING", 4)
    bench = Bench()
    bench.sample(0)
    bench.port.records = [flow().record] * 6
    rows = [bench.sample(second) for second in (1, 2, 3)]
    assert [sum(isinstance(row, Flow) for row in each) for each in rows] == [3, 1, 0]
    dropped = books().records_dropped
    assert [value(each, "records_dropped_total") for each in rows] == [dropped + 2] * 3


def test_rules_that_change_are_taken_up_and_wrong_ones_are_not(tmp_path: Path) -> None:
    rules = tmp_path / "own.yaml"
    rules.write_text("policies:\n  a: {when: {label: [tls]}, then: {label: mine}}\n")
    bench = Bench(rules=(str(tmp_path),))
    bench.sample(0)

    def events(second: float) -> list[Event]:
        bench.port.records = [flow().record]
        rows = bench.sample(second)
        labels.append([row.labels for row in rows if isinstance(row, Flow)])
        return [row for row in rows if isinstance(row, Event)]

    labels: list[Any] = []
    assert events(6) == []
    rules.write_text("policies:\n  a: {when: {lable: [tls]}, then: {label: other}}\n")
    (refused,) = events(12)
    assert (refused.kind, refused.severity) == ("flows.rules_refused", Severity.WARNING)
    assert "own.yaml:2" in refused.message
    assert "lable" in refused.message
    assert bench.port.rules == []
    rules.write_text("policies:\n  a: {when: {label: [tls]}, then: {label: other-one}}\n")
    (changed,) = events(18)
    assert changed.kind == "flows.rules_changed"
    assert len(bench.port.rules) == 1
    events(24)
    assert labels == [[{"policy": "mine"}], [{"policy": "mine"}], [{"policy": "other-one"}], [{"policy": "other-one"}]]


def test_flows_go_out_as_ipfix_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        bench = Bench(ipfix=f"127.0.0.1:{receiver.getsockname()[1]}")
        bench.sample(0)
        bench.port.records = [flow().record]
        bench.sample(1)
        assert receiver.recv(2000)[:2] == b"\0\x0a"
        bench.sampler.close()


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"rules": ("/nowhere/rules.yaml",)}, RulesError),
        ({"ipfix": "nowhere"}, SettingsError),
        ({"filter": "udp prt"}, FilterError),
    ],
)
def test_settings_that_cannot_be_used_are_told_at_the_start(settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Bench(**settings)
