"""What becomes of what a round of samplers gave: counted, judged, recorded, shown, sent and logged."""

from __future__ import annotations

from collections.abc import Sequence

from fabricscope import log
from fabricscope.model import Sampled, Severity
from probes.health.running import RunningHealth
from probes.outbox import SpoolOutbox
from probes.own_metrics import OwnMetrics
from probes.recorder.recorder import Recorder
from probes.sampling.runner import Outcome

MAX_LOGGED = 20
"""Events of one round that are logged; all of them are sent."""


class Delivery:
    """Called with the outcomes of a round, in the event loop. Waits for nothing."""

    def __init__(
        self,
        own: OwnMetrics,
        health: RunningHealth | None,
        recorder: Recorder,
        outbox: SpoolOutbox | None,
        latest: dict[str, Sampled],
    ) -> None:
        """`latest` is what /metrics shows, by sampler; without an `outbox` nothing is sent."""
        self._own = own
        self._health = health
        self._recorder = recorder
        self._outbox = outbox
        self._latest = latest
        self._log = log.get("agent")

    def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Pass on what the samplers came to. What fails here is logged by whoever calls."""
        for outcome in outcomes:
            self._own.sampled(outcome)
        batches = [outcome.sampled for outcome in outcomes if outcome.sampled is not None]
        for sampled in batches:
            self._latest[sampled.series_set.sampler] = sampled
        events = [event for outcome in outcomes for event in outcome.events]
        if self._health is not None:
            events += self._health.observe(outcomes)
        if self._outbox is not None:
            # Events first: when the disk is slow they are the last to be refused.
            self._outbox.append_events(events)
            self._outbox.append_flows([flow for outcome in outcomes for flow in outcome.flows])
            self._outbox.append_samples(batches)
        self._recorder.observe(batches, events)
        for event in events[:MAX_LOGGED]:
            say = {
                Severity.INFO: self._log.info,
                Severity.WARNING: self._log.warning,
                Severity.CRITICAL: self._log.error,
            }
            say[event.severity](event.kind, message=event.message)
        if len(events) > MAX_LOGGED:
            self._log.info("more events", count=len(events) - MAX_LOGGED)
