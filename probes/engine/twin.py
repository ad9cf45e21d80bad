"""The engine in plain Python: its specification, and what runs where Rust was not built.

Its modules have the names of those in engine/src; what reads captures is in `captures`, `packets`, `flows`, `rdma` and
`rules`. Live capture alone is Rust's: `Ring` says so.
"""

from __future__ import annotations

from probes.engine.blocks import decode_block
from probes.engine.captures import CaptureFile, Ring, steering
from probes.engine.counters import CounterFiles
from probes.engine.fast import FastReader
from probes.engine.flows.meter import Meter
from probes.engine.fold import Folder
from probes.engine.follow import Follower
from probes.engine.ring import StepRing
from probes.engine.rules.classifier import Classifier
from probes.engine.rules.extract import extractors
from probes.engine.rules.patterns import check_pattern
from probes.engine.texts import TextFiles

__all__ = [
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
    "steering",
]
