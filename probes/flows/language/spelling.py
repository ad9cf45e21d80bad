"""A rule as people write it, brought into the one form that the types have. Pure.

A single member stands for a list, a pattern for a test. Nothing is judged here; what makes no sense is left as it is,
for the types to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SIDES = ("client", "server", "either", "both")


def rule(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A DPI rule."""
    result: dict[str, Any] = _group({"name": name, "label": name, **document})
    _each(result, ("transport", "refines"), _listed)
    _each(result, ("ports",), _ports)
    _each(result, ("any",), lambda value: [_group(each) for each in _listed(value)])
    _each(result, ("fields",), _fields)
    _each(result, ("cases",), lambda value: [_case(each) for each in _listed(value)])
    return result


def behaviour(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A DFI rule."""
    result = {"name": name, "label": name, **document}
    _each(result, ("for", "when"), _listed)
    _each(result, ("any",), lambda value: [_listed(each) for each in _listed(value)])
    return result


def policy(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What follows."""
    result = {"name": name, **document}
    if isinstance(when := result.get("when"), Mapping):
        when = dict(when)
        keys = ("label", "rule", "behaviour", "hosts", "source", "destination", "features")
        _each(when, keys, _listed)
        _each(when, ("ports", "vlan"), _ports)
        result["when"] = when
    return result


def _group(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    value = dict(value)
    _each(value, SIDES, lambda tests: [_test(each) for each in _listed(tests)])
    _each(value, ("not",), lambda groups: [_group(each) for each in _listed(groups)])
    return value


def _test(value: Any) -> Any:
    if isinstance(value, str):
        return {"match": [value]}
    if isinstance(value, Mapping):
        value = dict(value)
        _each(value, ("match", "check"), _listed)
    return value


def _case(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = dict(value)
        _each(value, ("client", "server"), lambda many: [_payload(each) for each in _listed(many)])
        if "expect" in value and value["expect"] is None:
            value["expect"] = "none"
    return value


def _payload(value: Any) -> Any:
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, Mapping) and isinstance(number := value.get("hex"), int) and not isinstance(number, bool):
        # Digits alone are a number to YAML, which keeps neither leading zeros nor their base.
        return {"hex": f"not-quoted:{number}"}
    return value


def _ports(value: Any) -> Any:
    plain = (str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in _listed(value))
    return list(plain)


def _fields(value: Any) -> Any:
    return {key: _listed(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _each(document: dict[str, Any], keys: tuple[str, ...], change: Callable[[Any], Any]) -> None:
    for key in keys:
        if key in document:
            document[key] = change(document[key])
