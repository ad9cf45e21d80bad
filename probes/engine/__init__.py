"""The hot path: Rust where it was built, the plain-Python twin otherwise. Both pass one test suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.engine.twin import CounterFiles

    IMPLEMENTATION: str
else:
    try:
        from probes.engine._native import CounterFiles

        IMPLEMENTATION = "rust"
    except ImportError:
        from probes.engine.twin import CounterFiles

        IMPLEMENTATION = "python"

__all__ = ["IMPLEMENTATION", "CounterFiles"]
