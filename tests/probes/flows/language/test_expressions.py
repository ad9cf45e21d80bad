from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.flows.language.expressions import ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("u16@2 + 4 == size", ["==", ["+", ["u16", 2], 4], "size"]),
        ("u8@0 & 0xf0 == 0x80", ["==", ["&", ["u8", 0], 0xF0], 0x80]),
        ("u32le@(4 + u8@3) < first", ["<", ["u32le", ["+", 4, ["u8", 3]]], "first"]),
        ("u8@-1 == 10", ["==", ["u8", -1], 10]),
        (
            "u8@0 in 1..3 and not u8@1 in {4, 0x5}",
            ["and", ["in", ["u8", 0], 1, 3], ["not", ["among", ["u8", 1], [4, 5]]]],
        ),
        ("size > 1 or size > 2 and size > 3", ["or", [">", "size", 1], ["and", [">", "size", 2], [">", "size", 3]]]),
        ("(size > 1 or size > 2) and size > 3", ["and", ["or", [">", "size", 1], [">", "size", 2]], [">", "size", 3]]),
        ("1 - 2 - 3 == -4", ["==", ["-", ["-", 1, 2], 3], -4]),
        ("1 | 2 ^ 3 & 4 << 5 + 6 * 7 == 0", ["==", ["|", 1, ["^", 2, ["&", 3, ["<<", 4, ["+", 5, ["*", 6, 7]]]]]], 0]),
        ("records(0, u16@3 + 5) >= 2", [">=", ["records", 0, ["+", ["u16", 3], 5], None], 2]),
        (
            "records(0, u16@3, u8@0 == 22 and u8@1 == 3) == 1",
            ["==", ["records", 0, ["u16", 3], ["and", ["==", ["u8", 0], 22], ["==", ["u8", 1], 3]]], 1],
        ),
    ],
)
def test_trees(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "character 1: expected a number"),
        ("size", "a number; compare it"),
        ("u16@2 = 4", "character 7: '=' has no meaning"),
        ("u12@2 == 4", "'@' has no meaning"),
        ("u16@ == 4", "character 6: expected a number; found '=='"),
        ("u16@x == 4", "expected a number"),
        ("size == 4 5", "expected an operator or the end; found '5'"),
        ("size == 4 == 5", "expected an operator or the end"),
        ("(size == 4) + 1 == 2", "here is a comparison"),
        ("size and size == 1", "`and` joins comparisons"),
        ("not size", "`not` is said of a comparison"),
        ("size in 5..1", "the lower one comes first"),
        ("size in {1, x}", "expected a number"),
        ("size in size", "expected a number"),
        ("(size == 4", "expected `)`"),
        ("records(0) == 1", "expected `,`"),
        ("records(0, 1, 2) == 1", "takes two numbers, then a comparison"),
        ("records(0, records(0, 1)) == 1", "within"),
        ("u8@(size == 1) == 1", "an offset is a number"),
        ("size == 99999999999999999999", "63 bits"),
        ("size == 0xffffffffffffffff", "63 bits"),
        ("(" * 100 + "size == 1" + ")" * 100, "deep"),
        ("not " * 100 + "size == 1", "deep"),
        ("size" + " + 1" * 100 + " == 1", "in a row"),
        ("size == 1 or " * 200 + "size == 1", "characters"),
    ],
)
def test_what_is_no_expression_says_where(text: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(complaint)):
        parse(text)


# fmt: off
WORDS = [
    "0", "1", "9", "+", "-", "*", "&", "(", ")", "==", "<", "in", "..", "{", "}", ",", "and", "or", "not", "size",
    "first", "u8@", "u16le@", "records",
]
# fmt: on


@given(st.lists(st.sampled_from(WORDS), max_size=20))
def test_anything_is_a_tree_or_an_error(words: list[str]) -> None:
    try:
        tree = parse(" ".join(words))
    except ExpressionError as error:
        assert str(error)
    else:
        msgspec.json.encode(tree)
