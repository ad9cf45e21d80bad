"""What a daemon counts about itself, in the same nouns as everything it measures.

A probe's tallies travel with its samples, so the collector sees them too.
"""

from __future__ import annotations

from collections import defaultdict

from fabricscope.model import Kind, MetricSpec, Quality, Reading


class Tally:
    """Counters and gauges of this process. Not locked: used from the event loop's thread alone."""

    def __init__(self) -> None:
        self._values: dict[MetricSpec, dict[tuple[str, ...], int | float]] = defaultdict(dict)

    def add(self, spec: MetricSpec, *labels: str, by: int | float = 1) -> None:
        """Count `by` more of `spec` under the label values."""
        rows = self._values[spec]
        rows[labels] = rows.get(labels, 0) + by

    def set(self, spec: MetricSpec, *labels: str, to: int | float) -> None:
        """Set a gauge, or a counter that somebody else counts."""
        self._values[spec][labels] = to

    def get(self, spec: MetricSpec, *labels: str) -> int | float:
        """The present value; 0 for what was never counted."""
        return self._values.get(spec, {}).get(labels, 0)

    def clear(self, spec: MetricSpec) -> None:
        """Forget every series of a metric, such as those of hosts that may be gone."""
        self._values.pop(spec, None)

    def readings(self) -> list[Reading]:
        """Every value as a reading."""
        return [
            Reading(spec, labels, int(value) if spec.kind is Kind.COUNTER else value, Quality.OK)
            for spec, rows in self._values.items()
            for labels, value in rows.items()
        ]
