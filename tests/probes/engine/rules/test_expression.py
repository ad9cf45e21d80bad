from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import twin
from probes.engine.rules.expression import Expression
from probes.engine.rules.sides import Message
from tests.probes.engine.conftest import native, needs_native
from tests.probes.engine.rules.made import asked, document, form, rule, way

OCTETS = bytes([1, 2, 3, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 2, 9, 0, 3, 9, 9])
TREES = st.recursive(
    st.integers(-3, 20) | st.sampled_from(["size", "first"]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["u8", "u16", "u16le", "u24", "u32le", "u64", "not"]), inner).map(list),
        st.tuples(
            st.sampled_from(
                ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "and", "or"]
            ),
            inner,
            inner,
        ).map(list),
        st.tuples(st.just("in"), inner, st.integers(-5, 5), st.integers(0, 300)).map(list),
        st.tuples(st.just("among"), inner, st.lists(st.integers(0, 9), max_size=3)).map(list),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("tree", "holds"),
    [
        (["==", ["u16", 0], 0x0102], True),
        (["==", ["u24le", 0], 0x030201], True),
        (["==", ["u8", -1], 9], True),
        (["u64", 4], False),
        (["==", ["/", -7, 2], -3], True),
        (["==", ["%", -7, 2], -1], True),
        (["==", ["<<", 1, 62], 1 << 62], True),
        (["not", ["<<", 1, 63]], False),
        (["not", ["/", 1, 0]], False),
        (["in", "size", 19, 19], True),
        (["among", "first", [1, 19]], True),
        (["or", ["u8", 99], 1], False),
        (["or", 1, ["u8", 99]], True),
        (["and", 0, ["u8", 99]], False),
        (["==", ["records", 12, ["+", ["u16", 0], 1], None], 2], True),
        (["==", ["records", 12, ["+", ["u16", 0], 1], ["==", ["u8", 2], 8]], 0], True),
    ],
)
def test_what_holds(tree: Any, holds: bool) -> None:
    assert Expression("text", tree).holds(Message(OCTETS, len(OCTETS), len(OCTETS), False)) is holds


@pytest.mark.parametrize("tree", [["u7", 0], ["+", 1], "sizes", None, True, 1 << 63, ["in", 1, 2], [[]], 1.5])
def test_what_is_no_expression(engine: Any, tree: Any) -> None:
    test = form(checks=[{"text": "x", "tree": tree}])
    with pytest.raises(ValueError, match=r"rule a: .*is no expression"):
        engine.Classifier(document(rule("a", way(test))))


@needs_native
@given(TREES, st.binary(min_size=1, max_size=12), st.booleans())
def test_any_expression_comes_to_the_same(tree: Any, payload: bytes, stream: bool) -> None:
    test = form(checks=[{"text": "x", "tree": tree}])
    rules = document(rule("a", way(test), transports=["tcp", "udp"]))
    carrier = (6 if stream else 17, 0x0800, False)
    said = [asked(engine, rules, (True, payload), carrier=carrier) for engine in (native(), twin)]
    assert said[0] == said[1]


@needs_native
@given(TREES, TREES, st.binary(min_size=1, max_size=30), st.booleans())
def test_any_records_come_to_the_same(length: Any, condition: Any, payload: bytes, stream: bool) -> None:
    test = form(checks=[{"text": "x", "tree": [">=", ["records", 0, length, condition], 1]}])
    rules = document(rule("a", way(test), transports=["tcp", "udp"]))
    carrier = (6 if stream else 17, 0x0800, False)
    said = [asked(engine, rules, (True, payload), carrier=carrier) for engine in (native(), twin)]
    assert said[0] == said[1]
