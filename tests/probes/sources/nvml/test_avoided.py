from __future__ import annotations

from probes.sources.nvml.avoided import AVOID_NS, Avoided


def test_for_longer_each_time_until_it_answers() -> None:
    avoided, now = Avoided(), 5
    assert (avoided.now(now), avoided.all()) == (frozenset(), [])
    for pause in (*AVOID_NS, AVOID_NS[-1]):
        avoided.add(3, now)
        assert avoided.now(now + pause - 1) == {3}
        now += pause
        assert (avoided.now(now), avoided.all()) == (frozenset(), [3])
    avoided.remove(3)
    avoided.remove(4)
    avoided.add(3, now)
    assert avoided.now(now + AVOID_NS[0]) == frozenset()
