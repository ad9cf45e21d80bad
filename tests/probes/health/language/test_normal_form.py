from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.health.language import normal_form


def test_short_forms_become_the_long_one() -> None:
    long = {"of": [{"metric": "m"}], "above": {"value": 3}, "window": "5m"}
    for of in ("m", {"metric": "m"}, ["m"], [{"metric": "m"}]):
        assert normal_form.check({"kind": "increase", "of": of, "above": 3, "window": "5m"}) == long
    assert normal_form.check({"kind": "value", "of": "m", "below": "limit"}) == {
        "of": {"metric": "m"},
        "below": {"product": [{"metric": "limit"}]},
    }
    assert normal_form.rule(
        {"by": "device", "where": {"any": [{"metric": "m", "labels": {"a": "b"}}]}, "check": {}}
    ) == {
        "by": ["device"],
        "where": [{"any": [{"metric": "m", "labels": {"a": ["b"]}}]}],
    }


def test_numbers_that_yaml_takes_for_text() -> None:
    assert normal_form.check({"kind": "value", "above": "1e-12", "minimum": "1.0e12"}) == {
        "above": {"value": 1e-12},
        "minimum": 1e12,
    }
    assert normal_form.limit({"product": "m", "times": "8e-12"}) == {"product": [{"metric": "m"}], "times": 8e-12}
    assert normal_form.source({"metric": "m", "values": {"4": "16e9"}})["values"] == {"4": 16e9}
    # A forecast's `minimum` is a time.
    assert normal_form.check({"kind": "forecast", "minimum": "3d"}) == {"minimum": "3d"}


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["of", "per", "above", "product", "where", "any", "labels", "by", "metric", "events"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["kind", "of", "above", "where", "given", "by", "attributes"]), _plain))
def test_whatever_is_written_is_left_for_the_types_to_refuse(document: dict[str, object]) -> None:
    assert isinstance(normal_form.check(document), dict)
    assert isinstance(normal_form.rule(document), dict)
