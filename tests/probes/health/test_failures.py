from __future__ import annotations

import pytest

from fabricscope.model import Quality
from probes.health.failures import Failures, is_privilege
from probes.sampling.runner import Outcome, Result
from tests.probes.health.host import at
from tests.probes.health.made import LEVEL, Row, batch


def outcome(result: Result, reason: str = "", rows: list[Row] | None = None) -> Outcome:
    return Outcome("x", result, None if rows is None else batch(at(0), rows), [], 0, 1, reason=reason)


def test_the_last_reason_stays_until_the_sampler_works() -> None:
    tested = Failures({"broken": "ImportError: no"})
    tested.take(outcome(Result.HUNG, "no answer within its deadline of 4 s"))
    tested.take(outcome(Result.FAILED, "OSError: no bus"))
    assert dict(tested) == {"broken": "ImportError: no", "x": "OSError: no bus"}
    tested.take(outcome(Result.OK))
    assert dict(tested) == {"broken": "ImportError: no"}
    assert len(tested) == 1


def test_a_sample_without_a_value_is_none() -> None:
    tested = Failures()
    dead: Row = (LEVEL, ("a",), None, Quality.UNREADABLE)
    tested.take(outcome(Result.OK, rows=[dead]))
    assert dict(tested) == {"x": "none of its 1 values could be read"}
    tested.take(outcome(Result.OK, rows=[dead, (LEVEL, ("b",), 1.0)]))
    assert not tested


@pytest.mark.parametrize(
    ("reason", "is_one"),
    [
        ("PermissionError: [Errno 13] Permission denied: '/dev/kmsg'", True),
        ("OSError: [Errno 1] Operation not permitted", True),
        ("KernelLogError: it takes CAP_SYSLOG", True),
        ("NvmlError: driver/library version mismatch", False),
    ],
)
def test_what_is_a_matter_of_privilege(reason: str, is_one: bool) -> None:
    assert is_privilege(reason) is is_one
