"""Recorded captures, read by both engines: the same records and books, field by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.flows.language import normal_form
from probes.flows.language.rule_files import load
from tests.probes.engine.agreement import read
from tests.probes.engine.conftest import needs_native

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "captures" / "ndpi" / "pcap"
EVERY = 8
"""One of so many is read, and none beyond that size."""
MAX_OCTETS = 200_000


@needs_native
@pytest.mark.skipif(not CAPTURES.exists(), reason="captures/ndpi is not beside the checkout")
def test_a_sample_of_captures_is_told_alike() -> None:
    rules = normal_form.as_json(load().rules)
    paths = sorted(path for path in CAPTURES.rglob("*.pcap*") if path.stat().st_size <= MAX_OCTETS)[::EVERY]
    found = {path.name: different for path in paths if (different := read(str(path), rules))}
    assert paths
    assert found == {}
