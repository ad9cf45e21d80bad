"""The configuration file, and what the command line puts over it, as plain values.

A file is hostile until it is parsed: its size, and what its aliases expand to, are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

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
        document = _parse(read_octets(path))
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: holds {shown(document)}; expected sections such as `probe:`")
    return document


def read_octets(path: Path) -> bytes:
    """A file that is to hold YAML. Raises SettingsError when it cannot be read, or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    except ValueError as error:  # a NUL in the path
        raise SettingsError(f"{str(path)!r}: cannot be read: {error}; check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes; name the configuration file")
    return content


def files_in(paths: Iterable[str | Path], what: str, setting: str, at_most: int) -> list[Path]:
    """Each path that is a file, and the `*.yaml` of each that is a folder, in the order of their names.

    `what` they hold, and the `setting` that names them, for messages. Raises SettingsError.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        try:
            found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingsError(f"{str(path)!r}: cannot be read: {reason}; check {setting}") from error
        files += found
    if len(files) > at_most:
        raise SettingsError(f"{len(files)} files of {what}; at most {at_most} are taken: join some")
    return files


Place = tuple[str | int, ...]
"""Where a value stands: keys of mappings and numbers in lists, from the outside in."""


class Placed(NamedTuple):
    """What a YAML file holds, and in which line."""

    document: Any
    lines: dict[Place, int]
    """The line of each key and each member of a list, from 1 on."""


def parse_placed(content: bytes) -> Placed:
    """YAML with the lines of its parts. Raises ValueError, as `read_file` says it."""
    document = _parse(content)
    lines: dict[Place, int] = {}
    # Bounded: _parse has counted every value, aliases written out.
    waiting: list[tuple[Place, Any, Any]] = [((), document, yaml.compose(content, Loader=_Loader))]
    while waiting:
        place, value, node = waiting.pop()
        if isinstance(value, dict) and isinstance(node, yaml.MappingNode):
            for key, key_node, inner in _pairs(node):
                if key in value and (*place, key) not in lines:
                    lines[*place, key] = key_node.start_mark.line + 1
                    waiting.append(((*place, key), value[key], inner))
        elif isinstance(value, list) and isinstance(node, yaml.SequenceNode):
            for index, (member, inner) in enumerate(zip(value, node.value, strict=False)):
                lines[*place, index] = inner.start_mark.line + 1
                waiting.append(((*place, index), member, inner))
    return Placed(document, lines)


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Keys and values, own ones before those that are merged in by `<<`."""
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        elif isinstance(key, yaml.ScalarNode):
            yield key.value, key, value
    for each in merged:
        if isinstance(each, yaml.MappingNode):
            yield from _pairs(each)


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
