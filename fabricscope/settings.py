"""Configuration, typed and bounded: a section for each daemon, a Struct for each component.

A Struct stands beside the component that it sets up; a daemon's section gathers them and is found by
entry point. What does not fit raises `SettingsError`, which names the key, the value and the remedy.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from fabricscope import plugins

Settings = TypeVar("Settings", bound=msgspec.Struct)

PluginDocuments = dict[str, dict[str, Any]]
"""Settings of plug-ins by name, not yet converted: each has its own type."""

EXPECTED = "expected"
"""Key of a Meta's `extra`: in words what its `pattern` takes, for messages."""

_PATH = re.compile(r" - at (`key` in )?`\$(.*)`$")
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_EXPECTED = re.compile(r"Expected `(.*?)`(?:, got `(.*)`|(.*))$")
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a section with settings",
    "str": "text",
}
"""What msgspec expects, in the words of somebody who writes YAML."""


class SettingsError(Exception):
    """Configuration that cannot be used."""


def convert(document: Mapping[str, Any] | None, kind: type[Settings], where: str) -> Settings:
    """`document` as a `kind`; `where` is the key it stands under, for messages.

    A section without a setting in it, which YAML reads as null, is an empty one. A Struct whose values
    depend on one another checks them in `__post_init__` by raising ValueError. Raises SettingsError for
    what does not fit.
    """
    wanted = _completed(document or {}, _type_info(kind))
    try:
        return msgspec.convert(wanted, kind, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), wanted, kind, where)) from error


@functools.cache
def _type_info(kind: type[msgspec.Struct]) -> inspect.Type:
    """Looked up once: rules are hundreds of sections of one kind."""
    return inspect.type_info(kind)


def section(document: Mapping[str, Any], name: str, kind: type[Settings]) -> Settings:
    """The section `name` of a whole document, whose other keys must be known sections too."""
    check_sections(document)
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise SettingsError(f"{name}: expected a section with settings, got {shown(value)}")
    return convert(value, kind, name)


def check_sections(document: Mapping[str, Any]) -> None:
    """Raise SettingsError for a key of a whole document that names no section."""
    known = plugins.found(plugins.SETTINGS)
    for key in document:
        if key not in known:
            raise SettingsError(unknown(key, known, "section"))


def plugin_settings(
    group: str, documents: PluginDocuments, where: str, fallback: type[Settings]
) -> dict[str, Settings]:
    """The settings of every installed plug-in of `group`, by name.

    One that does not load gets `fallback()`, whatever is set for it: whoever loads it reports it.
    Raises SettingsError for settings that do not fit, and for those of a plug-in that is not installed.
    """
    known = plugins.found(group)
    what = where.rpartition(".")[2].rstrip("s")
    for name in documents:
        if name not in known:
            raise SettingsError(f"{where}: {unknown(name, known, what)}")
    settings = {}
    for name, thing in plugins.loaded(group):
        if isinstance(thing, plugins.PluginError):
            settings[name] = fallback()
        else:
            settings[name] = convert(documents.get(name), thing.Settings, f"{where}.{name}")
    return settings


def unknown(key: str, known: Iterable[str], what: str) -> str:
    """The message for a name that is not one of `known`, with the nearest that is."""
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return f"{key!r} is not a known {what}; {remedy}"


def shown(value: Any) -> str:
    """A value for a message, as YAML has it and no longer than a line."""
    if isinstance(value, dict | list):
        return "a section" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value) if isinstance(value, str | int | float) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def plain_type(info: inspect.Type) -> inspect.Type:
    """The type inside `Annotated[...]`, and inside `X | None`."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.UnionType):
        some = [kind for kind in info.types if not isinstance(kind, inspect.NoneType)]
        return plain_type(some[0]) if len(some) == 1 else info
    return info


def _completed(value: Any, info: inspect.Type, default: Any = None) -> Any:
    """`value` with `{}` for null where only a section fits, and with what a field's default sets in its section.

    msgspec takes a section's missing settings from its type alone, though a field's default may be an
    instance with other values: a listener's port differs between the daemons.
    """
    while isinstance(info, inspect.Metadata):
        info = info.type
    if value is None and isinstance(info, inspect.StructType | inspect.DictType):
        value = {}
    if not isinstance(value, dict):
        return value
    plain = plain_type(info)
    if isinstance(plain, inspect.DictType):
        return {key: _completed(inner, plain.value_type) for key, inner in value.items()}
    if not isinstance(plain, inspect.StructType):
        return value
    completed = {**(msgspec.to_builtins(default) if default is not None else {}), **value}
    for field in plain.fields:
        if field.encode_name in value:
            own = field.default if default is None else getattr(default, field.name)
            given = own if isinstance(own, msgspec.Struct) else None
            completed[field.encode_name] = _completed(value[field.encode_name], field.type, given)
    return completed


def _explain(message: str, document: Mapping[str, Any], kind: type[msgspec.Struct], where: str) -> str:
    """A msgspec complaint in the operator's terms."""
    about_key, path = match.groups() if (match := _PATH.search(message)) else (None, "")
    complaint = _PATH.sub("", message)
    steps = _named(_STEP.findall(path), document, kind, message)
    place = where + "".join(step if step.startswith("[") else f".{step}" for step in steps)
    info = _type_at(kind, steps)
    if match := _UNKNOWN.match(complaint):
        plain = plain_type(info)
        fields = [field.encode_name for field in plain.fields] if isinstance(plain, inspect.StructType) else []
        return f"{place}: {unknown(match.group(1), fields, 'setting')}"
    if match := _MISSING.match(complaint):
        return f"{place}: {match.group(1)!r} is missing; add it"
    value = shown(_value_at(document, steps))
    if about_key and isinstance(plain := plain_type(info), inspect.DictType):
        info, value = plain.key_type, f"the name {shown(_failing_key(document, steps, kind, message))}"
    if (words := _expected(info)) and "matching regex" in complaint:
        return f"{place}: {value} does not fit; expected {words}"
    info = plain_type(info)
    if isinstance(info, inspect.LiteralType):
        return f"{place}: {value} does not fit; expected one of {', '.join(map(str, info.values))}"
    if match := _EXPECTED.match(complaint):
        expected, got, bound = match.groups()
        words = " or ".join(_WORDS.get(word, word) for word in expected.split(" | "))
        remedy = "; put it in quotes" if "str" in expected and got in {"bool", "float", "int"} else ""
        return f"{place}: {value} does not fit; expected {words}{bound or ''}{remedy}"
    return f"{place}: {complaint}"


def _named(steps: list[str], document: Any, kind: type[msgspec.Struct], message: str) -> list[str]:
    """`steps` with the key in place of `[...]`, which is all that msgspec says of a free mapping's keys."""
    named: list[str] = []
    for step in steps:
        named.append(_failing_key(document, named, kind, message) if step == "[...]" else step)
    return named


def _failing_key(document: Any, steps: Sequence[str], kind: type[msgspec.Struct], message: str) -> str:
    """The key of the mapping at `steps` that `message` is about: alone in there it gives the same message."""
    place = _value_at(document, steps)
    for key, value in place.items() if isinstance(place, dict) else ():
        try:
            msgspec.convert(_replaced(document, steps, {key: value}), kind, strict=True)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return "[...]"


def _replaced(document: Any, steps: Sequence[str], value: Any) -> Any:
    """`document` with `value` at `steps`."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(document, list):
        index = int(step[1:-1])
        return [*document[:index], _replaced(document[index], rest, value), *document[index + 1 :]]
    return {**document, step: _replaced(document[step], rest, value)}


def _value_at(document: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list):
            document = document[int(step[1:-1])]
    return document


def _expected(info: inspect.Type) -> str:
    """What a type's `pattern` takes in words; empty where nobody says so."""
    if isinstance(info, inspect.UnionType):
        return next(filter(None, map(_expected, info.types)), "")
    if isinstance(info, inspect.Metadata):
        return str((info.extra or {}).get(EXPECTED, "")) or _expected(info.type)
    return ""


def _type_at(kind: type[msgspec.Struct], steps: Sequence[str]) -> inspect.Type:
    info: inspect.Type = inspect.type_info(kind)
    for step in steps:
        info = plain_type(info)
        if isinstance(info, inspect.StructType):
            info = next(field.type for field in info.fields if field.encode_name == step)
        elif isinstance(info, inspect.DictType):
            info = info.value_type
        elif isinstance(info, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
            info = info.item_type
    return info
