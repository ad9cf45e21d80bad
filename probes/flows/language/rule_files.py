"""The rules in force: those that are shipped, with what the operator's files say over them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from fabricscope.config_file import Place, files_in, parse_placed, read_octets
from fabricscope.settings import SettingsError, convert, shown, unknown
from probes.flows.language import lint, spelling
from probes.flows.language.behaviour import Behaviour
from probes.flows.language.policy import Policy
from probes.flows.language.problems import Layer, Origin, Problem, RulesError, spoken
from probes.flows.language.rule import MAX_NAME, NAME, Rule

SHIPPED = Path(__file__).parent.parent / "rules"
MAX_FILES = 200
MAX_RULES = 2000
SECTIONS = ("rules", "behaviours", "policies")

_LINE = re.compile(r"\bline (\d+)(?:, column \d+)?: ")
_PLACE = re.compile(r"((?:\.[^.\[\]:\s]+|\[\d+\])*): (.*)", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")

_Kind = TypeVar("_Kind", bound=Struct)
_Documents = dict[str, dict[str, tuple[dict[str, Any], Origin]]]


class Rules(NamedTuple):
    """Everything in force, in the order of files and in them, shipped policies last; nothing that is switched off."""

    rules: tuple[Rule, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    policies: tuple[Policy, ...] = ()
    origins: Mapping[tuple[str, str], Origin] = {}
    """By section and name."""


def load(paths: Iterable[str | Path] = (), *, shipped: bool = True) -> Rules:
    """Rules that can be used. A path is a file, or a folder with `*.yaml`. Raises RulesError with every problem."""
    rules, problems = examine(paths, shipped=shipped)
    if problems:
        raise RulesError(problems)
    return rules


def examine(
    paths: Iterable[str | Path] = (), *, shipped: bool = True, extractors: Iterable[str] | None = None
) -> tuple[Rules, list[Problem]]:
    """What can be read of rules, and everything that is wrong with them.

    `extractors` are those that there are; None asks the engine.
    """
    problems: list[Problem] = []
    documents: _Documents = {section: {} for section in SECTIONS}
    for folder in [*([SHIPPED] if shipped else []), *paths]:
        try:
            files = files_in([folder], "flow rules", "probe.samplers.flows.rules", MAX_FILES)
        except SettingsError as error:
            problems.append(Problem(str(folder), 0, str(error)))
            continue
        for file in files:
            _read(file, documents, problems)
    found = Rules(
        rules=_typed(documents["rules"], Rule, spelling.rule, problems),
        behaviours=_typed(documents["behaviours"], Behaviour, spelling.behaviour, problems),
        policies=_typed(_own_first(documents["policies"]), Policy, spelling.policy, problems),
        origins={(section, name): origin for section in SECTIONS for name, (_, origin) in documents[section].items()},
    )
    if len(found.rules) > MAX_RULES:
        problems.append(Problem(str(SHIPPED), 0, f"{len(found.rules)} flow rules; at most {MAX_RULES} are taken"))
        return found, problems
    # What could not be read is there nevertheless: who refines it is not told that it is missing.
    problems += lint.problems(found, found.origins, extractors)
    return found, sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line))


def _read(file: Path, documents: _Documents, problems: list[Problem]) -> None:
    """Put a file's sections over what is there."""
    try:
        placed = parse_placed(read_octets(file))
    except SettingsError as error:
        problems.append(Problem(str(file), 0, str(error).removeprefix(f"{file}: ")))
        return
    except ValueError as error:
        found = _LINE.search(str(error))
        problems.append(Problem(str(file), int(found[1]) if found else 1, _LINE.sub("", str(error), count=1)))
        return
    content = placed.document
    if content is not None and not isinstance(content, dict):
        problems.append(Problem(str(file), 1, f"holds {shown(content)}; expected {', '.join(SECTIONS)}"))
        return
    for section, entries in (content or {}).items():
        line = placed.lines.get((section,), 1)
        if section not in SECTIONS:
            problems.append(Problem(str(file), line, unknown(section, SECTIONS, "section of flow rules")))
            continue
        if not isinstance(entries, dict):
            if entries is not None:
                message = f"{section}: {shown(entries)} does not fit; expected a section with a rule by name"
                problems.append(Problem(str(file), line, message))
            continue
        for name, document in entries.items():
            keys = frozenset(document if isinstance(document, dict) else ())
            layer = Layer(file, placed.lines, (section, name), keys)
            problem = _entry(documents[section], name, document, layer)
            if problem is not None:
                problems.append(problem)


def _entry(there: dict[str, tuple[dict[str, Any], Origin]], name: str, document: Any, layer: Layer) -> Problem | None:
    """Take up one rule, over one of the same name. The problem if it cannot be."""
    line = layer.lines.get(layer.place, 0)
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        message = (
            f"{name[:80]!r} is no name; expected at most {MAX_NAME} characters, lower-case words with dashes between"
        )
        return Problem(str(layer.file), line, message)
    if not isinstance(document, dict):
        return Problem(str(layer.file), line, f"{name}: {shown(document)} does not fit; expected a section")
    if name not in there:
        if not document.keys() - {"enabled", "confidence", "ports", "cases"}:
            remedy = unknown(name, there.keys() - {name}, "rule")
            return Problem(str(layer.file), line, f"{remedy} One of your own needs `summary` and more.")
        there[name] = (document, Origin(layer))
        return None
    below, origin = there[name]
    if layer.file.parent in origin.folders:
        return Problem(str(layer.file), line, f"{name}: there is a rule of this name in {origin.file}; give it another")
    origin.add(layer)
    there[name] = ({**below, **document}, origin)
    return None


def _own_first(policies: dict[str, tuple[dict[str, Any], Origin]]) -> dict[str, tuple[dict[str, Any], Origin]]:
    """The first policy that fits decides: those that are shipped come last."""
    return dict(sorted(policies.items(), key=lambda item: SHIPPED in item[1][1].folders))


def _typed(
    documents: Mapping[str, tuple[dict[str, Any], Origin]], kind: type[_Kind], written_out: Any, problems: list[Problem]
) -> tuple[_Kind, ...]:
    found = []
    for name, (document, origin) in documents.items():
        if "name" in document:
            problems.append(origin.problem(("name",), "'name' is not a known setting; the name is the key", name))
            continue
        try:
            rule = convert(written_out(name, document), kind, "")
        except SettingsError as error:
            place, message = _located(str(error))
            problems.append(origin.problem(_nearest(place, message), message, spoken((name, *place))))
            continue
        if getattr(rule, "enabled", True):
            found.append(rule)
    return tuple(found)


def _located(message: str) -> tuple[Place, str]:
    """The place that a message of `convert` begins with, and the rest."""
    match = _PLACE.fullmatch(message)
    if match is None:
        return (), message
    place = tuple(key or int(index) for key, index in _STEP.findall(match[1]))
    return place, match[2]


def _nearest(place: Place, message: str) -> Place:
    """The key itself, of which the message says that nobody knows it."""
    named = re.match(r"'([^']*)' is not a known", message)
    return (*place, named[1]) if named else place


def stamp(paths: Iterable[str | Path]) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each file that `load` would read; differs when one of them was changed."""
    found = []
    for folder in paths:
        try:
            files = files_in([folder], "flow rules", "probe.samplers.flows.rules", MAX_FILES)
            status = [(file, file.stat()) for file in files]
        except (SettingsError, OSError):
            found.append((str(folder), -1, -1))
        else:
            found += [(str(file), each.st_mtime_ns, each.st_size) for file, each in status]
    return tuple(found)
