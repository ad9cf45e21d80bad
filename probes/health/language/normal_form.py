"""A rule as people write it, brought into the one form that the types of the language have.

`of: fabricscope_x`, `of: {metric: fabricscope_x}` and `of: [fabricscope_x]` say the same, as do `above: 3` and
`above: {value: 3}`. Nothing is judged here: what makes no sense is left as it is, for the types to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_NUMBER = re.compile(r"[-+]?[0-9]{1,20}(\.[0-9]{0,20})?[eE][-+]?[0-9]{1,3}")

MANY = ("increase", "rate", "ratio", "saturated")
"""Kinds of check whose `of` is a list of metrics."""


def check(document: Mapping[str, Any]) -> dict[str, Any]:
    """A check, without its `kind`."""
    many = document.get("kind") in MANY
    result = {key: value for key, value in document.items() if key != "kind"}
    _each(result, ("of",), _sources if many else source)
    _each(result, ("per", "downs", "changes"), _sources)
    _each(result, ("above", "below", "critical"), limit)
    _each(result, ("minimum", "times"), number)
    _each(result, ("events", "ended_by"), listed)
    _each(result, ("attributes",), _labels)
    return result


def rule(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule says beside its check."""
    result = {key: value for key, value in document.items() if key != "check"}
    _each(result, ("where", "given"), _conditions)
    _each(result, ("by",), listed)
    _each(result, ("shows",), _sources)
    return result


def source(value: Any) -> Any:
    """A metric, whose bare name will do."""
    if isinstance(value, str):
        return {"metric": value}
    if isinstance(value, Mapping):
        value = dict(value)
        _each(value, ("labels",), _labels)
        _each(value, ("times", "above", "below"), number)
        _each(value, ("values",), _numbers)
    return value


def limit(value: Any) -> Any:
    """A limit, for which a bare number or one bare metric will do."""
    value = number(value)
    if isinstance(value, str):
        return {"product": [source(value)]}
    if not isinstance(value, Mapping):
        return {"value": value}
    value = dict(value)
    _each(value, ("product",), _sources)
    _each(value, ("times", "value"), number)
    return value


def number(value: Any) -> Any:
    """A number, also one that YAML takes for text since it lacks a dot or a sign: 1e-12."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return value


def listed(value: Any) -> Any:
    """A list, for which a single member will do."""
    return value if isinstance(value, list) else [value]


def _sources(value: Any) -> Any:
    return [source(each) for each in listed(value)]


def _conditions(value: Any) -> Any:
    return [_condition(each) for each in listed(value)]


def _condition(value: Any) -> Any:
    value = source(value)
    if isinstance(value, dict):
        _each(value, ("any",), _conditions)
    return value


def _labels(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: listed(each) for key, each in value.items()}


def _numbers(value: Any) -> Any:
    return {key: number(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _each(document: dict[str, Any], keys: tuple[str, ...], change: Callable[[Any], Any]) -> None:
    for key in keys:
        if key in document:
            document[key] = change(document[key])
