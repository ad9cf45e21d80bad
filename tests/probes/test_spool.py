from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fabricscope.model import SeriesSet
from fabricscope.settings import SettingsError, convert
from fabricscope.v1 import stream_pb2
from probes.message import MessageKind, SpoolError
from probes.spool import Dropped, Spool, SpoolSettings
from tests.probes.made import SECOND, at, sampled

SAMPLES, FLOWS, EVENTS = MessageKind
Make = Callable[..., Spool]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Spool] = []

    def make(mono: float = 0, **settings: int | float) -> Spool:
        """The spool of this test, opened at a second of the monotonic clock; what was open is closed."""
        for spool in made:
            spool.close()
        made[:] = [Spool(SpoolSettings(path=str(tmp_path / "spool.db"), **settings), int(mono * SECOND))]  # type: ignore[arg-type]
        return made[0]

    yield make
    for spool in made:
        spool.close()


def sets(*names: str) -> list[SeriesSet]:
    return [sampled(at(0), sampler=name).series_set for name in names]


def put(spool: Spool, kind: MessageKind = SAMPLES, size: int = 10, second: float = 0, items: int = 1) -> int | None:
    return spool.append(kind, b"x" * size, items, int(second * SECOND))


def ack(spool: Spool, sequence: int, refused: Sequence[int] = ()) -> None:
    """Forget everything up to a sequence."""
    spool.acknowledge(sequence, sequence, refused)


def held(spool: Spool) -> list[tuple[MessageKind, int]]:
    """Kind and payload size of everything in it."""
    found, after = [], 0
    while messages := spool.pending(after, 1 << 20):
        found += [(message.kind, len(message.payload)) for message in messages]
        after = messages[-1].sequence
    return found


def test_messages_come_out_in_order_until_acknowledged(make: Make) -> None:
    spool = make()
    sequences = [spool.append(kind, kind.name.encode(), 3, 0) or 0 for kind in (SAMPLES, EVENTS, SAMPLES)]
    messages = spool.pending(0, 1 << 20)
    assert [message.sequence for message in messages] == sequences == sorted(sequences)
    assert [message.payload for message in messages] == [b"SAMPLES", b"EVENTS", b"SAMPLES"]
    assert {message.items for message in messages} == {3}
    assert spool.pending(messages[1].sequence, 1 << 20) == messages[2:]
    ack(spool, messages[1].sequence)
    assert spool.pending(0, 1 << 20) == messages[2:]
    assert spool.messages == 1


def test_what_is_not_durable_at_the_collector_stays_when_samples_behind_it_go(make: Make) -> None:
    spool = make()
    for kind in (EVENTS, SAMPLES, FLOWS, SAMPLES):
        last = put(spool, kind) or 0
    spool.acknowledge(last, 0)
    assert [kind for kind, _ in held(spool)] == [EVENTS, FLOWS]
    spool.acknowledge(last, last)
    assert held(spool) == []
    assert spool.dropped == []


@pytest.mark.parametrize("kind", MessageKind)
def test_what_is_refused_goes_at_once_whatever_is_durable_and_is_counted_once(make: Make, kind: MessageKind) -> None:
    spool = make()
    first, second = (put(spool, kind) or 0 for _ in range(2))
    spool.acknowledge(second, first - 1, [second])
    assert second not in [message.sequence for message in spool.pending(0, 1 << 20)]
    assert spool.dropped == [Dropped(kind, "refused", 1, 1)]
    spool.acknowledge(second, second, [second])
    assert held(spool) == []
    assert spool.dropped == [Dropped(kind, "refused", 1, 1)]
    assert (spool.messages, spool.bytes) == (0, 0)


def test_a_look_is_bounded_in_bytes_and_messages_but_gives_at_least_one(make: Make) -> None:
    spool = make()
    for _ in range(100):
        put(spool, size=1000)
    assert len(spool.pending(0, 1)) == 1
    assert len(spool.pending(0, 2500)) == 2
    assert len(spool.pending(0, 1 << 30)) == 64


def test_everything_is_there_after_a_restart(make: Make) -> None:
    spool = make()
    (series_set,) = sets("test")
    spool.append(SAMPLES, b"one", 2, 0, [series_set])
    spool.append(EVENTS, b"two", 1, 0)
    before = spool.pending(0, 1 << 20)
    epoch, size, declaration = spool.epoch, spool.bytes, spool.declaration(series_set.id)
    again = make()
    assert again.pending(0, 1 << 20) == before
    assert (again.epoch, again.bytes, again.messages) == (epoch, size, 2)
    assert again.declaration(series_set.id) == declaration


def test_a_sequence_is_never_used_again_even_when_all_is_acknowledged(make: Make) -> None:
    spool, last = make(), 0
    for _ in range(3):
        for _ in range(3):
            sequence = put(spool)
            assert sequence is not None
            assert sequence > last
            last = sequence
        ack(spool, last)
        spool = make()


def test_series_sets_are_kept_with_the_messages_that_need_them(make: Make) -> None:
    spool = make()
    first, second = sets("first", "second")
    spool.append(SAMPLES, b"x", 1, 0, [first, second])
    spool.append(SAMPLES, b"x", 1, 0, [first])
    assert [message.series_sets for message in spool.pending(0, 1 << 20)] == [(first.id, second.id), (first.id,)]
    declaration = stream_pb2.StreamRequest.FromString(spool.declaration(first.id) or b"")
    assert (declaration.series_set.id, declaration.series_set.sampler) == (first.id, "first")
    assert spool.declaration(b"?" * 32) is None


def test_series_sets_count_and_those_that_nothing_needs_go_first(make: Make) -> None:
    size = make().bytes
    assert size == 0
    spool = make(max_bytes=4000)
    for number in range(200):
        spool.append(SAMPLES, b"x" * 100, 1, 0, sets(f"sampler{number}"))
        assert spool.bytes <= 4000
    needed = [message.series_sets[0] for message in spool.pending(0, 1 << 20)]
    assert needed
    assert all(spool.declaration(identifier) for identifier in needed)
    assert len(spool._sets) <= len(needed) + 1


def test_series_sets_do_not_pile_up_when_everything_is_acknowledged(make: Make) -> None:
    spool = make()
    for number in range(500):
        sequence = spool.append(SAMPLES, b"x", 1, 0, sets(f"sampler{number}"))
        ack(spool, sequence or 0)
    assert len(spool._sets) <= 65
    again = make()
    assert len(again._sets) <= 65


# --- bounds


def test_when_full_the_oldest_samples_go_first_and_are_counted(make: Make) -> None:
    spool = make(max_bytes=10_000)
    put(spool, EVENTS, 900)
    put(spool, FLOWS, 900)
    for number in range(20):
        put(spool, SAMPLES, 900 + number, items=5)
    kept = held(spool)
    assert kept[:2] == [(EVENTS, 900), (FLOWS, 900)]
    assert [size for _, size in kept[2:]] == list(range(912, 920))
    assert spool.dropped == [Dropped(SAMPLES, "full", 12, 60)]
    assert spool.bytes <= 10_000


def test_then_flows_and_events_last(make: Make) -> None:
    spool = make(max_bytes=10_000)
    for kind in (SAMPLES, EVENTS, FLOWS) * 3:
        put(spool, kind, 1000)
    for _ in range(2):
        put(spool, EVENTS, 3000)
    assert held(spool) == [(EVENTS, 1000)] * 3 + [(EVENTS, 3000)] * 2
    put(spool, EVENTS, 3000)
    assert held(spool) == [(EVENTS, 3000)] * 3
    assert spool.dropped == [
        Dropped(SAMPLES, "full", 3, 3),
        Dropped(FLOWS, "full", 3, 3),
        Dropped(EVENTS, "full", 3, 3),
    ]


def test_samples_never_push_out_what_matters_more(make: Make) -> None:
    spool = make(max_bytes=10_000)
    for _ in range(9):
        put(spool, EVENTS, 1000)
    assert put(spool, SAMPLES, 1000, items=7) is None
    assert held(spool) == [(EVENTS, 1000)] * 9
    assert spool.dropped == [Dropped(SAMPLES, "full", 1, 7)]


def test_a_message_that_never_fits_costs_nothing_else(make: Make) -> None:
    spool = make(max_bytes=10_000)
    put(spool, SAMPLES)
    assert put(spool, EVENTS, 10_001) is None
    assert held(spool) == [(SAMPLES, 10)]
    assert spool.dropped == [Dropped(EVENTS, "full", 1, 1)]


def test_samples_and_flows_expire_and_events_never_do(make: Make) -> None:
    spool = make(max_age_seconds=60)
    for kind in MessageKind:
        put(spool, kind, second=0)
    put(spool, SAMPLES, size=20, second=30)
    put(spool, SAMPLES, size=30, second=61)
    assert held(spool) == [(EVENTS, 10), (SAMPLES, 20), (SAMPLES, 30)]
    assert spool.dropped == [Dropped(SAMPLES, "expired", 1, 1), Dropped(FLOWS, "expired", 1, 1)]


def test_a_long_backlog_expires(make: Make) -> None:
    spool = make(max_age_seconds=60)
    for _ in range(200):
        put(spool, second=0)
    for _ in range(4):
        put(spool, second=100)
    assert spool.messages == 4
    assert spool.dropped == [Dropped(SAMPLES, "expired", 200, 200)]


def test_age_is_measured_while_the_probe_runs_whatever_its_clock_says_after_a_restart(make: Make) -> None:
    spool = make(mono=1000, max_age_seconds=60)
    put(spool, second=1050)
    again = make(mono=5, max_age_seconds=60)  # the host was restarted: its monotonic clock began anew
    put(again, second=60)
    assert again.messages == 2
    put(again, second=67)
    assert again.messages == 2
    assert again.dropped == [Dropped(SAMPLES, "expired", 1, 1)]


def test_refused_messages_are_gone_and_counted(make: Make) -> None:
    spool = make()
    first, second, third = (put(spool, kind, items=4) or 0 for kind in (SAMPLES, EVENTS, SAMPLES))
    ack(spool, first, [second, second, 12345])
    assert [message.sequence for message in spool.pending(0, 1 << 20)] == [third]
    assert spool.dropped == [Dropped(EVENTS, "refused", 1, 4)]


def test_what_was_dropped_is_remembered(make: Make) -> None:
    spool = make()
    sequence = put(spool) or 0
    ack(spool, sequence, [sequence])
    assert make().dropped == [Dropped(SAMPLES, "refused", 1, 1)]


def test_the_file_shrinks_again(make: Make, tmp_path: Path) -> None:
    spool = make()
    for _ in range(100):
        last = put(spool, size=100_000) or 0
    ack(spool, last)
    for _ in range(20):
        ack(spool, put(spool) or 0)
    make()  # closing folds the log into the file
    assert (tmp_path / "spool.db").stat().st_size < 6 << 20


# --- failing disks


def fill_disk(spool: Spool) -> None:
    """No page can be added to the file any more."""
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_an_error_that_leaves_everything_as_it_was(make: Make) -> None:
    spool = make()
    put(spool, EVENTS, 500)
    fill_disk(spool)
    for kind in (SAMPLES, EVENTS):
        with pytest.raises(SpoolError, match="full"):
            put(spool, kind, 100_000)
    assert held(spool) == [(EVENTS, 500)]
    put(spool, EVENTS, 20)  # there is room on a page that it has
    assert held(spool) == [(EVENTS, 500), (EVENTS, 20)]
    spool._db.execute("PRAGMA max_page_count=1000000")
    put(spool, SAMPLES, 100_000)
    ack(spool, spool.pending(0, 1)[0].sequence)
    assert (spool.messages, spool.bytes) == (2, 20 + 100_000 + 2 * 64)


def test_so_is_a_disk_that_fails(make: Make) -> None:
    spool = make()
    put(spool)
    spool._db.close()
    for attempt in (
        lambda: put(spool),
        lambda: spool.pending(0, 1),
        lambda: ack(spool, 1),
        lambda: spool.declaration(b"x"),
    ):
        with pytest.raises(SpoolError):
            attempt()


def test_a_damaged_spool_is_named(make: Make, tmp_path: Path) -> None:
    spool = make()
    spool._db.execute("INSERT INTO dropped VALUES (1, 'full', 1, 1)")
    spool._db.execute("DROP TABLE messages")
    spool._db.execute("PRAGMA writable_schema=ON")
    with pytest.raises(SettingsError, match=r"spool\.db' cannot be used as a spool: no such table"):
        make()


def test_settings_have_bounds() -> None:
    with pytest.raises(SettingsError, match=r"spool.max_bytes: 5 does not fit; expected .*1048576"):
        convert({"max_bytes": 5}, SpoolSettings, "spool")


# --- kill -9

APPEND_UNTIL_KILLED = """
import sys
import tempfile
from probes.message import MessageKind
from probes.spool import Spool, SpoolSettings
spool = Spool(SpoolSettings(path=sys.argv[1], max_bytes=20_000), 0)
for number in range(10**9):
    kind = MessageKind.EVENTS if number % 10 == 0 else MessageKind.SAMPLES
    sequence = spool.append(kind, b"x" * 500, 1, number)
    print(sequence, kind.value, sum(row.messages for row in spool.dropped), flush=True)
"""


def test_killed_at_any_moment_nothing_that_was_appended_is_lost_or_counted_wrong(
    make: Make, tmp_path: Path, repository: Path
) -> None:
    command = [sys.executable, "-c", APPEND_UNTIL_KILLED, str(tmp_path / "spool.db")]
    appended: dict[int, int] = {}
    for life in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(60 + 17 * life)]
            os.kill(process.pid, signal.SIGKILL)
            lines += process.stdout.readlines()
        told = [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]
        assert not appended.keys() & {sequence for sequence, _, _ in told}
        appended |= {sequence: kind for sequence, kind, _ in told}
        spool = make(max_bytes=20_000)
        kept = {message.sequence: message.kind for message in spool.pending(0, 1 << 20)}
        dropped = sum(row.messages for row in spool.dropped)
        # The last append may have been done and not been told of; it made room by dropping one at most.
        assert len(kept.keys() - appended.keys()) <= 1
        assert dropped - told[-1][2] in (0, 1)
        appended |= kept
        assert len(appended) == len(kept) + dropped
        assert {sequence for sequence, kind in appended.items() if kind == EVENTS} <= kept.keys()
        spool.close()


# --- accounting


def figures(spool: Spool) -> tuple[object, ...]:
    return spool.bytes, spool.messages, spool.dropped, {key: size for key, (size, _) in spool._sets.items()}


class Accounting(RuleBasedStateMachine):
    """Whatever happens: messages in = acknowledged + dropped + left, and the sizes are those of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.settings = SpoolSettings(path=f"{self.folder.name}/spool.db", max_bytes=6000, max_age_seconds=50)
        self.now = 0
        self.spool = Spool(self.settings, 0)
        self.appended = self.acknowledged = self.failed = 0
        self.last = 0

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()

    @rule(
        kind=st.sampled_from(MessageKind),
        size=st.integers(0, 2500),
        names=st.lists(st.sampled_from("abc"), max_size=2),
        wait=st.integers(0, 20),
    )
    def append(self, kind: MessageKind, size: int, names: list[str], wait: int) -> None:
        self.now += wait
        needed = sets(*names) if kind is SAMPLES else []
        sequence = self.spool.append(kind, b"x" * size, 1, self.now * SECOND, needed)
        self.appended += 1
        if sequence is not None:
            assert sequence > self.last
            self.last = sequence

    @rule(many=st.integers(0, 5), durable=st.integers(0, 5), refuse=st.integers(0, 3))
    def acknowledge(self, many: int, durable: int, refuse: int) -> None:
        messages = self.spool.pending(0, 1 << 20)
        sequence = max((message.sequence for message in messages[:many]), default=0)
        durable_sequence = max((message.sequence for message in messages[:durable]), default=0)
        refused = {message.sequence for message in messages[:refuse]}
        settled = {
            message.sequence
            for message in messages
            if message.sequence <= (sequence if message.kind is SAMPLES else durable_sequence)
        }
        self.spool.acknowledge(sequence, durable_sequence, list(refused))
        self.acknowledged += len(settled - refused)

    @rule(size=st.integers(50_000, 60_000))
    def fail(self, size: int) -> None:
        self.spool._settings = SpoolSettings(path=self.settings.path, max_bytes=1 << 20)
        fill_disk(self.spool)
        with pytest.raises(SpoolError):
            self.spool.append(EVENTS, b"x" * size, 1, self.now * SECOND)
        self.spool._db.execute("PRAGMA max_page_count=1000000")
        self.spool._settings = self.settings

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.settings, 0)
        self.now = 0

    @invariant()
    def nothing_is_unaccounted_for(self) -> None:
        spool = self.spool
        dropped = sum(row.messages for row in spool.dropped)
        assert self.appended == self.acknowledged + dropped + spool.messages
        assert spool.bytes <= self.settings.max_bytes
        before = figures(spool)
        spool._recount()
        assert figures(spool) == before
        for message in spool.pending(0, 1 << 20):
            assert all(spool.declaration(identifier) for identifier in message.series_sets)


TestAccounting = Accounting.TestCase
TestAccounting.settings = hypothesis_settings(max_examples=40, stateful_step_count=30, deadline=None)
