from __future__ import annotations

import pytest

from fabricscope.flow import Tunnel
from probes.flows.mirrors import seen_by_all, together
from tests.fixtures.books import books, mirror
from tests.fixtures.flows import flow, key


def test_what_one_worker_misses_another_has() -> None:
    parts = [books(mirrors=[mirror(seen=30, missing=70)]), books(mirrors=[mirror(seen=68, missing=31, late=2)])]
    (session,) = together(parts)
    assert (session.seen, session.missing, session.late) == (98, 2, 3)
    assert session.visibility == pytest.approx(0.98)


def test_sessions_are_told_apart() -> None:
    first, second = mirror(seen=10, missing=0), mirror(seen=5, missing=5, tunnel_id=9)
    sessions = together([books(mirrors=[first, second]), books(mirrors=[second])])
    assert [(session.tunnel_id, session.seen, session.missing) for session in sessions] == [(7, 10, 0), (9, 10, 0)]


def test_one_worker_says_it_itself() -> None:
    alone = books(mirrors=[mirror(seen=1, missing=3)])
    assert together([alone]) == alone.mirrors
    record = flow(visibility=0.3).record
    assert seen_by_all([record], [alone]) == [record]


def test_records_say_what_all_workers_saw() -> None:
    parts = [books(mirrors=[mirror(seen=30, missing=70)]), books(mirrors=[mirror(seen=60, missing=40)])]
    inside = flow(key=key(tunnel=Tunnel.ERSPAN2, tunnel_id=7), visibility=0.3).record
    elsewhere = flow(visibility=1.0).record
    assert [record.visibility for record in seen_by_all([inside, elsewhere], parts)] == [0.9, 1.0]
