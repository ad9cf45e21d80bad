"""Documents as a hostile or broken BMC might send them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from probes.sources.redfish import facts, parts, sensors, values, walk

_SOURCES = "".join(
    Path(module.__file__).read_text("utf-8") for module in (facts, parts, sensors, values, walk) if module.__file__
)
WORDS = sorted(set(re.findall(r'"([A-Z][A-Za-z0-9@.]+)"', _SOURCES)))
"""Every word of the schema that the parsers look for."""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*WORDS, "OK", "Warning", "Critical", "LinkUp", "1e999", "12.5", "PT1S", "/redfish/v1/Chassis/A"])
)


def documents() -> st.SearchStrategy[Any]:
    """Any JSON, made mostly of words that mean something to the parsers."""
    keys = st.sampled_from(WORDS) | st.just("@odata.id") | st.text(max_size=10)
    return st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=30
    )
