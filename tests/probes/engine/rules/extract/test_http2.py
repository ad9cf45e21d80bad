"""What is read whole is tested for both engines in test_extract.py; here it is cut off anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rules.extract import EXTRACTORS, Sides, extract
from tests.probes.engine.rules.extract.made import SAMPLES

NAMES = ("http2", "grpc")
MINE = [sample for sample in SAMPLES if sample[0] in NAMES]


@pytest.mark.parametrize("sample", MINE, ids=lambda sample: sample[0])
def test_what_is_cut_off_says_less_and_nothing_else(sample: tuple[str, bytes, bytes, bool, dict[str, str]]) -> None:
    name, client, server, stream, expected = sample
    assert EXTRACTORS[name].__module__ == "probes.engine.rules.extract.http2"
    for cut in range(max(len(client), len(server))):
        for key, value in extract(name, Sides(client[:cut], server[:cut], stream)):
            assert key not in expected or value.rstrip("\\x0123456789abcdef") in expected[key] or key in ABOUT


ABOUT = {"cipher", "version", "offered_alpn", "alpn", "offered_version", "family", "greeting", "status", "content_type"}
"""What something else stands for when the rest is not there."""


@given(st.sampled_from(NAMES), st.binary(max_size=200), st.binary(max_size=200), st.booleans())
def test_any_octets(name: str, client: bytes, server: bytes, stream: bool) -> None:
    assert all(value for _, value in extract(name, Sides(client, server, stream)))
