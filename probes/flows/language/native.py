"""The engine's side of rules: Rust's, or Python's where that was not built."""

from __future__ import annotations

from probes.engine import Classifier, check_pattern, extractors

__all__ = ["Classifier", "check_pattern", "extractors"]
