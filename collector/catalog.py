"""The metrics and series sets that are known, each once, however many hosts declare them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakValueDictionary

from fabricscope.model import MetricSpec, Series, SeriesSet


class LimitError(ValueError):
    """More than the settings allow, or a metric that a probe may not declare as it does."""


class Catalog:
    """Interns series sets. What no host uses any more is forgotten, and may be declared anew in another way."""

    def __init__(self, max_metrics: int, own: Iterable[MetricSpec] = (), shared: Iterable[MetricSpec] = ()) -> None:
        """`own` are the collector's metrics, which no probe may declare; `shared` those that probes have as well."""
        self._max_metrics = max_metrics
        self._own = frozenset(spec.name for spec in own)
        self._sets: WeakValueDictionary[bytes, SeriesSet] = WeakValueDictionary()
        self._specs: WeakValueDictionary[str, MetricSpec] = WeakValueDictionary()
        self._shared = tuple(shared)
        self._specs.update({spec.name: spec for spec in self._shared})

    def intern(self, series_set: SeriesSet) -> SeriesSet:
        """The one object that stands for all sets of this content.

        Raises LimitError when it has one metric name too many, one of the collector's own, or one that
        is known as of another kind.
        """
        known = self._sets.get(series_set.id)
        if known is None:
            known = self._sets[series_set.id] = self._share(series_set)
        return known

    def _share(self, series_set: SeriesSet) -> SeriesSet:
        """The set with specs that are shared by every set with the same metric."""
        columns = [*series_set.counters, *series_set.gauges]
        fresh = {}
        for series in columns:
            if series.spec.name not in self._specs:
                fresh[series.spec.name] = series.spec
            self._check(series.spec)
        if len(self._specs) + len(fresh) > self._max_metrics:
            raise LimitError(f"more than {self._max_metrics} metric names (collector.state.max_metrics)")
        self._specs.update(fresh)

        def shared(series: Series) -> Series:
            known = self._specs[series.spec.name]
            return Series(known if known.labels == series.spec.labels else series.spec, series.labels)

        counters, gauges = tuple(map(shared, series_set.counters)), tuple(map(shared, series_set.gauges))
        return SeriesSet(series_set.id, series_set.sampler, counters, gauges)

    def _check(self, spec: MetricSpec) -> None:
        if spec.name in self._own:
            raise LimitError(f"{spec.name} is the collector's own: give the sampler's metric another name")
        known = self._specs.get(spec.name)
        if known is not None and (known.kind is not spec.kind or known.per_unit != spec.per_unit):
            raise LimitError(
                f"{spec.name} is declared as a {spec.kind.value} and is known as a {known.kind.value}: "
                "two versions of a sampler disagree; update the older probes"
            )
