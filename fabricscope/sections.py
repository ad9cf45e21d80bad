"""The whole configuration at once: every installed section, with the settings of its plug-ins.

The effective settings, the JSON schema for editors and the sample files all come from the Structs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import yaml
from msgspec import inspect

from fabricscope import plugins
from fabricscope.settings import SettingsError, check_sections, convert, plain_type, section, unknown

PLUGIN_FIELDS = {"exporters": plugins.EXPORTERS, "samplers": plugins.SAMPLERS}
"""Fields of a section that hold settings by plug-in, and the plug-ins' group."""

_WIDTH = 110


def effective(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Every section's settings with the defaults filled in, and the first mistake of each component and plug-in."""
    settings: dict[str, Any] = {}
    errors: list[str] = []
    for key in document:
        try:
            check_sections({key: None})
        except SettingsError as error:
            errors.append(str(error))
    for name, kind in _kinds(plugins.SETTINGS):
        if isinstance(kind, plugins.PluginError):
            errors.append(str(kind))
            continue
        given = document.get(name)
        try:
            made = section({name: given}, name, kind)
        except SettingsError as error:
            if not isinstance(given, dict):
                errors.append(str(error))
                continue
            errors += _mistakes(given, kind, name)
            # Whatever else is wrong, the plug-ins have settings of their own.
            for field, group in PLUGIN_FIELDS.items():
                if field in kind.__struct_fields__ and _is_by_name(given.get(field)):
                    _effective_plugins(group, given[field], f"{name}.{field}", errors)
            continue
        settings[name] = _plain(made)
        for field, group in PLUGIN_FIELDS.items():
            if field in settings[name]:
                # As written: JSON has no .nan for the message to show.
                written = getattr(made, field)
                settings[name][field] = _effective_plugins(group, written, f"{name}.{field}", errors)
    return settings, errors


def _mistakes(document: Any, kind: type[msgspec.Struct], where: str) -> list[str]:
    """The first mistake of each component in a section, and of the section without those that have one."""
    found: list[str] = []
    rest = document
    if isinstance(document, dict):
        rest = dict(document)
        for field in inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a Struct's info is a StructType
            plain, name = plain_type(field.type), field.encode_name
            if isinstance(plain, inspect.StructType) and document.get(name) is not None:
                inner = _mistakes(document[name], plain.cls, f"{where}.{name}")
                found += inner
                if inner and not field.required:
                    del rest[name]
    try:
        convert(rest, kind, where)
    except SettingsError as error:
        # A Struct's own check is about several settings, and what was taken out may be one of them.
        of_several = error.__cause__ is not None and isinstance(error.__cause__.__cause__, ValueError)
        if str(error) not in found and not (found and of_several):
            found.append(str(error))
    return found


def _is_by_name(documents: Any) -> bool:
    """Whether this can be settings by plug-in."""
    return isinstance(documents, dict) and all(
        isinstance(name, str) and (settings is None or isinstance(settings, dict))
        for name, settings in documents.items()
    )


def _effective_plugins(group: str, documents: Mapping[str, Any], where: str, errors: list[str]) -> dict[str, Any]:
    settings = {}
    known = plugins.found(group)
    errors.extend(f"{where}: {unknown(name, known, 'plug-in')}" for name in documents if name not in known)
    for name, kind in _kinds(group):
        if isinstance(kind, plugins.PluginError):
            # It is left out of the daemon, which says so; that makes the configuration no worse.
            settings[name] = _plain(documents.get(name, {}))
            continue
        try:
            settings[name] = _plain(convert(documents.get(name), kind, f"{where}.{name}"))
        except SettingsError as error:
            errors.append(str(error))
    return settings


def json_schema() -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of the configuration file."""
    groups = {group: _loading(group) for group in (plugins.SETTINGS, *PLUGIN_FIELDS.values())}
    kinds = list(dict.fromkeys(kind for members in groups.values() for kind in members.values()))
    schemas, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    schema_of = dict(zip(kinds, schemas, strict=True))

    def by_name(group: str) -> dict[str, Any]:
        members = {name: dict(schema_of[kind]) for name, kind in groups[group].items()}
        return {"type": "object", "properties": members, "additionalProperties": False}

    for kind in groups[plugins.SETTINGS].values():
        properties = definitions[schema_of[kind]["$ref"].rpartition("/")[2]]["properties"]
        for field, group in PLUGIN_FIELDS.items():
            if field in properties:
                properties[field] |= by_name(group)
    root = by_name(plugins.SETTINGS)
    for definition in (root, *definitions.values()):
        _take_empty_sections(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of fabricscope",
        **_plain(root),
        "$defs": _plain(definitions),
    }


def _take_empty_sections(schema: dict[str, Any]) -> None:
    """Let null stand for an empty section wherever one fits below `schema`, as settings.convert does."""
    for inner in schema.get("properties", {}).values():
        if "$ref" in inner:
            inner["anyOf"] = [{"$ref": inner.pop("$ref")}, {"type": "null"}]
        elif inner.get("type") == "object":
            inner["type"] = ["object", "null"]
            _take_empty_sections(inner)


class Setting(NamedTuple):
    """One line of the configuration: a setting, or the section that others stand in."""

    path: tuple[str, ...]
    """Keys from the top of the file down to this one."""
    comment: str
    """What it does, its bounds and choices."""
    default: str | None
    """As YAML has it; None for a section."""
    present: bool
    """Whether the section is there by default; a setting is absent until somebody writes it."""


def settings_of(name: str) -> Iterator[Setting]:
    """Every setting of the section `name` and of its plug-ins, each section before what stands in it.

    Raises SettingsError when there is no such section, PluginError when it does not load.
    """
    points = plugins.found(plugins.SETTINGS)
    if name not in points:
        raise SettingsError(unknown(name, points, "section"))
    kind = plugins.load(points[name])
    yield from _settings(kind, kind(), (name,), present=True)


def sample(name: str) -> str:
    """The section `name` as a configuration file that changes nothing: every default, commented out.

    Section lines stand uncommented, so that a line below them can be uncommented by itself. Raises as
    `settings_of` does.
    """
    lines = [
        f"# Settings of `fabricscope {name}`. A line that is commented out shows the default.",
        "# `fabricscope check-config --config FILE` says what is wrong, and prints what is in effect.",
        "",
        f"{name}:",
    ]
    for path, comment, default, present in settings_of(name):
        margin = "  " * (len(path) - 1)
        lines += [f"{margin}# {line}" for line in textwrap.wrap(comment, _WIDTH - len(margin))]
        lines.append(f"{margin}{'' if present else '# '}{path[-1]}:{'' if default is None else f' {default}'}")
    return "\n".join(lines) + "\n"


def _settings(
    kind: type[msgspec.Struct], defaults: msgspec.Struct | None, path: tuple[str, ...], *, present: bool
) -> Iterator[Setting]:
    """The settings of one Struct; without `defaults` they are its own, and what it requires stays empty."""
    for field in inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a Struct's info is a StructType
        plain = plain_type(field.type)
        here = (*path, field.encode_name)
        comment = _comment(field.type, plain, required=defaults is None and field.required)
        value = getattr(defaults, field.name) if defaults is not None else _default(field)
        if field.name in PLUGIN_FIELDS:
            yield Setting(here, comment, None, present)
            for name, member in _loading(PLUGIN_FIELDS[field.name]).items():
                yield Setting((*here, name), "", None, present)
                yield from _settings(member, member(), (*here, name), present=present)
        elif isinstance(plain, inspect.StructType):
            there = present and value is not None
            yield Setting(here, comment, None, there)
            yield from _settings(plain.cls, value, here, present=there)
        else:
            yield Setting(here, comment, _yaml(value), present=False)


def _default(field: inspect.Field) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else ""


def _comment(info: inspect.Type, plain: inspect.Type, *, required: bool) -> str:
    """What is said about a field: its description, bounds, and choices."""
    words = []
    while isinstance(info, inspect.Metadata | inspect.UnionType):
        if isinstance(info, inspect.UnionType):  # X | None
            info = info.types[0]
            continue
        words.append((info.extra_json_schema or {}).get("description", ""))
        info = info.type
    if not any(words) and isinstance(plain, inspect.StructType):
        words.append((plain.cls.__doc__ or "").partition("\n")[0])
    if isinstance(plain, inspect.IntType | inspect.FloatType):
        low, high = (f"{_bound(plain.ge, plain.gt, 'more')}", f"{_bound(plain.le, plain.lt, 'less')}")
        if low and high:
            words.append(f"From {low} to {high}.")
        elif low or high:
            words.append(f"At least {low}." if low else f"At most {high}.")
    if isinstance(plain, inspect.LiteralType):
        words.append(f"One of {', '.join(map(str, plain.values))}.")
    if required:
        words.append("Required.")
    return " ".join(filter(None, words))


def _bound(inclusive: float | None, exclusive: float | None, than: str) -> str:
    if inclusive is not None:
        return f"{inclusive:,}".removesuffix(".0") if isinstance(inclusive, float) else f"{inclusive:,}"
    return f"{than} than {exclusive:,}".removesuffix(".0") if exclusive is not None else ""


def _plain(value: Any) -> Any:
    """A value as JSON and YAML have it: mappings, lists, text, numbers."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=float("inf"), allow_unicode=True)
    return str(text).strip().removesuffix("\n...").strip()


def _kinds(group: str) -> Iterator[tuple[str, Any]]:
    """The settings type of every section or plug-in of a group by name, or why it does not load."""
    for name, thing in plugins.loaded(group):
        if isinstance(thing, plugins.PluginError) or group == plugins.SETTINGS:
            yield name, thing
        else:
            yield name, thing.Settings


def _loading(group: str) -> dict[str, type[msgspec.Struct]]:
    """The settings type of every section or plug-in of a group that loads."""
    return {name: kind for name, kind in _kinds(group) if not isinstance(kind, plugins.PluginError)}
