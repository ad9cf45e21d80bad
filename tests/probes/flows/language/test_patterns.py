from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.flows.language import native
from probes.flows.language.patterns import PatternError, examine


@pytest.mark.parametrize(
    ("text", "anchored", "empty"),
    [
        (r"^\x16\x03[\x00-\x04]", True, False),
        (r"(?i)^get ", True, False),
        (r"^a|^b", True, False),
        (r"^a|b", False, False),
        (r"(?:^a|^b)c", True, False),
        (r"(^)?a", False, False),
        (r"needle", False, False),
        (r"a*", False, True),
        (r"^a*$", True, True),
        (r"(a|)", False, True),
        (r"^\bword\b", True, False),
        (r"^.{4}[^\n\]\-x]{2,30}?\d+", True, False),
        (r"^[a-]\\\.\{", True, False),
    ],
)
def test_what_is_known_of_a_pattern(text: str, anchored: bool, empty: bool) -> None:
    assert examine(text) == (anchored, empty)
    assert native.check_pattern(text) in {anchored, True}
    re.compile(text.encode(), re.DOTALL)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty pattern"),
        ("^(a", "character 4: `(` without `)`"),
        ("^a)", "character 3: `)` without `(`"),
        ("^(?=a)", "no look-around"),
        ("^(?P<n>a)", "no look-around, names"),
        (r"^(a)\1", r"\1 means nothing"),
        (r"^\pL", r"\p means nothing"),
        (r"^\<a", r"\< means nothing"),
        (r"^\x1", "two hexadecimal digits"),
        ("^[a", "ends too early"),
        ("^[]", "an empty class"),
        ("^[[:alpha:]]", r"is \["),
        ("^[a&&b]", "different things"),
        ("^[z-a]", "a range goes"),
        (r"^[\d-z]", "a range goes"),
        ("^a**", "a repetition of a repetition"),
        ("^a++", "a repetition of a repetition"),
        ("*a", "nothing before"),
        ("^*", "no length"),
        (r"^\b+", "no length"),
        ("^a{3,2}", "from fewer to more"),
        ("^a{5000}", "1000 at most"),
        ("^a{x}", "with numbers"),
        ("^a}", "without its beginning"),
        ("^\N{LATIN SMALL LETTER E WITH ACUTE}", "beyond ASCII"),
        ("^" + "(" * 40 + ")" * 40, "deep"),
        ("^" + "a" * 3000, "at most"),
    ],
)
def test_what_is_not_in_both_languages_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(PatternError, match=re.escape(complaint)):
        examine(text)


@given(st.text(alphabet=r"^$ab.*+?()[]{},-|\x0123dn:i", max_size=14))
def test_what_is_taken_both_languages_take(text: str) -> None:
    try:
        found = examine(text)
    except PatternError:
        return
    compiled = re.compile(text.encode(), re.DOTALL)
    anchored = native.check_pattern(text)
    if found.anchored:
        assert anchored
    if compiled.search(b"") and not re.search(r"\\b", text):
        assert found.empty
