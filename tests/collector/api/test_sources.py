from __future__ import annotations

import inspect

from collector.api.sources import RowSource
from collector.store import StoreReader


def test_the_store_answers_what_the_endpoints_ask() -> None:
    asked = [name for name, member in vars(RowSource).items() if inspect.iscoroutinefunction(member)]
    assert set(asked) == {"events", "flows", "top_flows", "ping"}
    for name in asked:
        wanted, there = (inspect.signature(getattr(kind, name)) for kind in (RowSource, StoreReader))
        assert list(wanted.parameters) == list(there.parameters), name
