"""Samplers that do not work: which, why, and how bad that is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fabricscope.model import Quality, Sampled
from probes.sampling.runner import Outcome, Result

GRAVE = frozenset({"gpu", "nvlink"})
"""Samplers without which nobody knows whether a job could run here: that they fail is critical."""
_PRIVILEGE = re.compile(
    r"PermissionError|Permission denied|not permitted|Insufficient Permissions|CAP_[A-Z]|NO_PERMISSION"
)
_WITHOUT_VALUE = bytes(quality for quality in Quality if not quality.has_value)


def is_privilege(reason: str) -> bool:
    """Whether it fails for want of a privilege, by what the kernel or the driver calls that."""
    return _PRIVILEGE.search(reason) is not None


class Failures(Mapping[str, str]):
    """Follows outcomes: the samplers that do not work at present, with the reason."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        """`known` are samplers of which is known from elsewhere that they do not work."""
        self._reasons = dict(known or {})

    def take(self, outcome: Outcome) -> None:
        """What a tick of a sampler came to."""
        reason = _blind(outcome.sampled) if outcome.result is Result.OK else outcome.reason
        if reason is None:
            self._reasons.pop(outcome.sampler, None)
        else:
            self._reasons[outcome.sampler] = reason

    def __getitem__(self, sampler: str) -> str:
        """Why it does not work."""
        return self._reasons[sampler]

    def __iter__(self) -> Iterator[str]:
        """The samplers that do not work."""
        return iter(sorted(self._reasons))

    def __len__(self) -> int:
        """How many do not work."""
        return len(self._reasons)


def _blind(sampled: Sampled | None) -> str | None:
    """Why a sample without a single value is none; None when it has one, or has no series at all."""
    if sampled is None or not sampled.batch.qualities or sampled.batch.qualities.strip(_WITHOUT_VALUE):
        return None
    return f"none of its {len(sampled.batch.qualities)} values could be read"
