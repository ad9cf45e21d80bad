"""The engine in plain Python: its specification, and what runs where Rust was not built.

Its modules have the names of those in engine/src.
"""

from __future__ import annotations

from probes.engine.blocks import decode_block
from probes.engine.counters import CounterFiles
from probes.engine.fast import FastReader
from probes.engine.fold import Folder
from probes.engine.follow import Follower
from probes.engine.ring import StepRing
from probes.engine.texts import TextFiles

__all__ = ["CounterFiles", "FastReader", "Folder", "Follower", "StepRing", "TextFiles", "decode_block"]
