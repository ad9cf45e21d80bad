from __future__ import annotations

from probes.flows.language.behaviour import NONE, Behaviour, judge

BIG = Behaviour(name="big", summary="s", label="elephant", confidence=0.6, when=("octets > 1 MB",))
READ = Behaviour(
    name="read",
    summary="s",
    label="dataset-read",
    confidence=0.8,
    for_=("nfs", ""),
    when=("octets > 1 MB",),
    any=(("duration > 5 s",), ("duty > 0.5", "bursts > 3")),
)


def test_all_of_when_and_one_of_any() -> None:
    features = {"octets": 2e6, "duration": 1.0, "duty": 0.7, "bursts": 4.0}
    assert READ.holds("nfs", features) == ["octets > 1 MB (2e+06)", "duty > 0.5 (0.7)", "bursts > 3 (4)"]
    assert READ.holds("", features) is not None
    assert READ.holds("tls", features) is None
    assert READ.holds("nfs", features | {"bursts": 1.0}) is None
    assert READ.holds("nfs", features | {"duration": 9.0}) == ["octets > 1 MB (2e+06)", "duration > 5 s (9)"]


def test_a_feature_that_is_absent_is_not_zero() -> None:
    small = Behaviour(name="small", summary="s", label="mouse", confidence=0.5, when=("rate < 10",))
    assert small.holds("", {}) is None
    assert small.holds("", {"rate": 0.0}) is not None


def test_the_best_one_wins() -> None:
    judged = judge([BIG, READ], "nfs", {"octets": 2e6, "duration": 9.0})
    assert (judged.label, judged.rule, judged.confidence) == ("dataset-read", "read", 0.8)
    assert judged.alternatives == [("elephant", 0.6)]
    assert judge([BIG, READ], "tls", {"octets": 2e6}).label == "elephant"
    assert judge([BIG, READ], "tls", {"octets": 2.0}) == NONE
