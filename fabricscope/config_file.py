"""The configuration file, and what the command line puts over it, as plain values.

A file is hostile until it is parsed: its size, and what its aliases expand to, are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import yaml

from fabricscope.settings import SettingsError, shown

if TYPE_CHECKING:
    from yaml import SafeLoader as _BaseLoader
else:
    # The C parser is not built everywhere; both read the same language.
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_FILE_BYTES = 1 << 20
MAX_VALUES = 100_000
"""Of one file with its aliases written out: a few lines of aliases can stand for billions of values."""


MAX_DEPTH = 64
"""Of sections in sections; libyaml's composer recurses, and its stack is no deeper than the C stack."""


def read_file(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file is an empty mapping.

    Raises SettingsError for a file that cannot be read, is too large, or holds no mapping.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    except ValueError as error:  # a NUL in the path
        raise SettingsError(f"{str(path)!r}: cannot be read: {error}; check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes; name the configuration file")
    try:
        document = _parse(content)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: holds {shown(document)}; expected sections such as `probe:`")
    return document


def override(document: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of `document` with `key.path=value` assignments from the command line on top; values are YAML.

    Raises SettingsError for an assignment without `=`, or one that reaches into a value that is no section.
    """
    result = cast("dict[str, Any]", msgspec.to_builtins(document))
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        *parents, last = path.split(".")
        if not separator or not all([*parents, last]):
            raise SettingsError(f"--set {assignment}: expected KEY=VALUE, such as --set probe.http.listen=:7452")
        try:
            value = msgspec.to_builtins(_parse(text))
        except ValueError as error:
            raise SettingsError(f"--set {assignment}: {error}; put text with special characters in quotes") from error
        place = result
        for parent in parents:
            if place.get(parent) is None:
                place[parent] = {}
            place = place[parent]
            if not isinstance(place, dict):
                raise SettingsError(f"--set {assignment}: {parent} is {shown(place)}, not a section")
        place[last] = value
    return result


class _Loader(_BaseLoader):
    """Plain values only, and no key twice in one mapping, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise ValueError(f"line {key.start_mark.line + 1}: {key.value!r} is there twice; keep one")
                seen.add(key.value)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep))


def _parse(text: str | bytes) -> Any:
    """What YAML text stands for. Raises ValueError saying why it is none, or that it is too much."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ValueError(f"sections in sections, over {MAX_DEPTH} deep; it is no configuration")
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"not YAML: {place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    except (AttributeError, LookupError, TypeError) as error:
        # What PyYAML's constructors do when a value does not fit its tag, such as `!!bool x`.
        raise ValueError("not YAML: a value does not fit its !!tag") from error
    _check(document)
    return document


def _check(document: Any) -> None:
    """Raise ValueError unless there are at most MAX_VALUES values, all of them plain and their keys text."""
    count = 0
    waiting = [document]
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values with its aliases written out; it is no configuration")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise ValueError(f"the key {shown(key)} is not text; put it in quotes")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, set | tuple | bytes):
            raise ValueError(f"a value of YAML type {type(value).__name__}; only text, numbers, lists and sections fit")
