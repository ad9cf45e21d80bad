from __future__ import annotations

from collector.store import RowsRefusedError, StoreError, StoreUnavailableError


def test_what_may_be_tried_again_and_what_may_not_are_told_apart() -> None:
    assert issubclass(StoreUnavailableError, StoreError)
    assert issubclass(RowsRefusedError, StoreError)
    assert not issubclass(RowsRefusedError, StoreUnavailableError)
    assert not issubclass(StoreUnavailableError, RowsRefusedError)
