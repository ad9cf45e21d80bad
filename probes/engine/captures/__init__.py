"""Capture files in plain Python.

The specification of engine/src/capture, without live capture, which needs the kernel's rings.
"""

from __future__ import annotations

from probes.engine.captures.file import CaptureFile
from probes.engine.captures.ring import Ring, steering

__all__ = ["CaptureFile", "Ring", "steering"]
