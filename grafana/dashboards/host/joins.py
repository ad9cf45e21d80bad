"""Values joined with what is known of the thing that they are about."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.dashboards.variables import HOST


def described(value: str, thing: Sequence[str], info: str, labels: Sequence[str]) -> str:
    """PromQL of `value`, one for each `thing`, with those `labels` of the metric `info`.

    What has no `info` stays, without the labels: a GPU that was lost before it said its name must not vanish.
    """
    on = ", ".join(thing)
    value = f"max by ({on}) ({value})"
    known = f"max by ({', '.join([*thing, *labels])}) ({info}{{{HOST}}})"
    return f"{value} * on ({on}) group_left ({', '.join(labels)}) {known} or on ({on}) {value}"
