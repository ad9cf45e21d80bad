"""Pluggable optics and cables: what they are, what they measure, and their own limits and alarms."""

from __future__ import annotations

from probes.samplers.optics.sampler import OpticsSampler, OpticsSettings

__all__ = ["OpticsSampler", "OpticsSettings"]
