"""Health in the probe: judges what the samplers bring, keeps its state on disk, and is sampled itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.health import metrics, state_file
from probes.health.failures import Failures
from probes.health.health import Health
from probes.health.language.mentions import in_force
from probes.health.settings import HealthSettings
from probes.health.state import Pasts, State, Unjudged
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result
from probes.sampling.sampler import RESERVED_NAMES
from probes.sources.host import boot_id

NAME = "health"
"""Its place among the samplers."""
INTERVAL_NS = 5 * NANOSECONDS
"""Between two samples of it, and between two signs of life in the state file."""
MAX_LOGGED = 20
"""Mistakes in rules that are logged."""
_UNJUDGED_NS = 60 * NANOSECONDS
"""Between two times that is found out which rules cannot be judged."""
_SETTLING_NS = 120 * NANOSECONDS
"""For so long after the start it is found out each time: samplers begin one after the other."""
_PASTS_NS = 900 * NANOSECONDS
"""Between two times that the long pasts are written."""
_PROC = Path("/proc")
_MAX_TEXT = 1000


class RunningHealth:
    """Used on the event loop: `observe` with every round's outcomes, `tick` by the schedule, `close` at the end."""

    def __init__(
        self,
        settings: HealthSettings,
        pipeline: Pipeline,
        clock: Clock,
        previous: RunningHealth | None = None,
        specs: Iterable[MetricSpec] = (),
    ) -> None:
        """`previous` is the health of the probe that this one takes over from; else it goes on from the state file.

        `specs` are the metrics that there are: a rule of the operator's that asks for others is logged, and never
        judged. Raises SettingsError for rules that cannot be used.
        """
        self.pipeline = pipeline
        self._settings = settings
        self._clock = clock
        self._log = log.get(NAME)
        rules, doubts = in_force(settings.rules, tuple(specs))
        self._health = Health(rules)
        for problem in doubts[:MAX_LOGGED]:
            self._log.warning("a rule asks for what no sampler has; it is not judged", problem=problem)
        self._spent = 0
        self._failures = {"judge": 0, "write": 0}
        self._pasts_at = clock().mono
        self._could_write = True
        self._unjudged: tuple[Unjudged, ...] = ()
        self._examined: dict[str, int] = {}
        self._unjudged_due = 0
        now = clock()
        self._settled_at = now.mono + _SETTLING_NS
        self._boot_id = boot_id(_PROC)
        self._not_working: Failures = Failures(None if previous is None else previous._not_working)  # noqa: SLF001
        if previous is None:
            self._health.restore(*self._read(), now)
        else:
            self._health.restore(previous._health.state(now), previous._health.pasts(now), now)  # noqa: SLF001

    def observe(self, outcomes: Sequence[Outcome]) -> list[Event]:
        """Judge what a round of samplers came to; the events that tell of verdicts. Never raises."""
        started = self._clock()
        sampled = [outcome.sampled for outcome in outcomes if outcome.sampled is not None and outcome.sampler != NAME]
        events = [event for outcome in outcomes for event in outcome.events]
        for outcome in outcomes:
            if outcome.sampler not in RESERVED_NAMES:
                self._not_working.take(outcome)
        try:
            return self._health.observe(sampled, events, started)
        except Exception:  # noqa: BLE001  a rule that meets what nobody thought of must not stop the samples
            self._failures["judge"] += 1
            if self._failures["judge"] == 1:
                self._log.exception("could not judge; the samples go on, and only the first such failure is logged")
            return []
        finally:
            self._spent += self._clock().mono - started.mono

    def wake_descriptor(self) -> int | None:
        """None: rules are asked with every round."""
        return None

    async def tick(self) -> Outcome:
        """The verdicts and what health says of itself, as the sample of a sampler called `health`."""
        started = self._clock()
        if started.mono >= self._unjudged_due:
            self._unjudged_due = started.mono + (_UNJUDGED_NS if started.mono >= self._settled_at else 0)
            self._unjudged = tuple(self._health.unjudged(started))
            self._examined = self._health.examined(started)
        state = self._state(started)
        rows = list(metrics.readings(self._health, state.verdicts, len(state.unjudged)))
        rows.append(Reading(metrics.SECONDS, (), self._spent))
        rows += [Reading(metrics.FAILURES, (what,), count) for what, count in self._failures.items()]
        processed = self.pipeline.process(rows, started)
        duration = self._clock().mono - started.mono
        await self._keep(state)
        return Outcome(NAME, Result.OK, processed.sampled, processed.events, len(rows), duration)

    def close(self) -> None:
        """Keep what is known for the next probe."""
        now = self._clock()
        if self._settings.state:
            with suppress(OSError):
                ended = replace(self._state(now), ended_unix_ns=max(now.wall, 0))
                self._write([ended, self._health.pasts(now)])

    def _state(self, now: Now) -> State:
        state = self._health.state(now, self._unjudged, self._examined)
        failures = {name[:_MAX_TEXT]: reason[:_MAX_TEXT] for name, reason in self._not_working.items()}
        return replace(state, failures=failures, boot_id=self._boot_id)

    async def _keep(self, state: State) -> None:
        """Write the state, in a thread: a disk that hangs must hold up nothing."""
        if not self._settings.state:
            return
        documents: list[State | Pasts] = [state]
        now = self._clock()
        if now.mono - self._pasts_at >= _PASTS_NS:
            self._pasts_at = now.mono
            documents.append(self._health.pasts(now))
        try:
            await asyncio.to_thread(self._write, documents)
        except OSError as error:
            self._failures["write"] += 1
            if self._could_write:
                self._log.warning(
                    "the verdicts cannot be kept; `fabricscope doctor` has to sample by itself, and a restart forgets",
                    path=self._settings.state,
                    reason=str(error),
                    remedy="set probe.health.state to a file that the probe may write",
                )
            self._could_write = False
        else:
            self._could_write = True

    def _write(self, documents: Sequence[State | Pasts]) -> None:
        for document in documents:
            state_file.write(self._settings.state, document)

    def _read(self) -> tuple[State | None, Pasts | None]:
        """What the probe before this one kept. What cannot be used is logged, and as if it were not there."""
        state: State | None = None
        pasts: Pasts | None = None
        if not self._settings.state:
            return state, pasts
        try:
            state = state_file.read_state(self._settings.state)
        except ValueError as error:
            self._log.warning("begins without the verdicts from before", reason=str(error))
        try:
            pasts = state_file.read_pasts(self._settings.state)
        except ValueError as error:
            self._log.warning("begins without the long pasts from before", reason=str(error))
        return state, pasts
