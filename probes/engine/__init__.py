"""The hot path: Rust where it was built, the plain-Python twin otherwise. Both pass one test suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.engine.fold import windows

if TYPE_CHECKING:
    from probes.engine._native import CaptureFile, Classifier, Meter, Ring, check_pattern, extractors
    from probes.engine.twin import CounterFiles, FastReader, Folder, Follower, StepRing, TextFiles, decode_block

    IMPLEMENTATION: str
else:
    try:
        from probes.engine._native import (
            CaptureFile,
            Classifier,
            CounterFiles,
            FastReader,
            Folder,
            Follower,
            Meter,
            Ring,
            StepRing,
            TextFiles,
            check_pattern,
            decode_block,
            extractors,
        )

        IMPLEMENTATION = "rust"
    except ImportError:
        from probes.engine.twin import (
            CaptureFile,
            Classifier,
            CounterFiles,
            FastReader,
            Folder,
            Follower,
            Meter,
            Ring,
            StepRing,
            TextFiles,
            check_pattern,
            decode_block,
            extractors,
        )

        IMPLEMENTATION = "python"

__all__ = [
    "IMPLEMENTATION",
    "CaptureFile",
    "Classifier",
    "CounterFiles",
    "FastReader",
    "Folder",
    "Follower",
    "Meter",
    "Ring",
    "StepRing",
    "TextFiles",
    "check_pattern",
    "decode_block",
    "extractors",
    "windows",
]
