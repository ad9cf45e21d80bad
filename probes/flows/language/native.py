"""The engine's side of rules, where it was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.engine._native import Classifier, check_pattern, extractors

    BUILT: bool
else:
    try:
        from probes.engine._native import Classifier, check_pattern, extractors

        BUILT = True
    except ImportError:
        Classifier = None
        BUILT = False

        def check_pattern(pattern):
            """Nothing more can be said of it."""
            return True

        def extractors():
            """None are known."""
            return []


__all__ = ["BUILT", "Classifier", "check_pattern", "extractors"]
