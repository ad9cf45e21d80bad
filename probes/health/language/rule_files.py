"""The rules in force: those that are shipped, with what the operator's files say over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fabricscope.config_file import files_in, read_file
from fabricscope.settings import SettingsError, convert, shown, unknown
from probes.health.language import normal_form
from probes.health.language.checks import KINDS, Check
from probes.health.language.rule import MAX_NAME, NAME, Rule, RuleText

SHIPPED = Path(__file__).parent.parent / "rules"
MAX_FILES = 100
MAX_RULES = 1000

_KEY = "rules"
_Documents = dict[str, dict[str, Any]]


def load(paths: Iterable[str | Path] = ()) -> tuple[Rule, ...]:
    """Every rule in force, those that are switched off left out; later files have the last word.

    A path is a file, or a folder whose `*.yaml` are read in the order of their names. Raises SettingsError, which
    names the file, the rule, the key and the remedy.
    """
    return tuple(rule for rule in load_all(paths) if rule.enabled)


def load_all(paths: Iterable[str | Path] = ()) -> tuple[Rule, ...]:
    """As `load`, with those that are switched off."""
    documents = dict(_shipped_documents())
    origins: dict[str, Path] = {}
    for file in _files(paths):
        for name, document in _rules_of(file).items():
            if name not in documents and not {"check", "summary"} <= document.keys():
                mistake = unknown(name, documents, "rule")
                # What is like no shipped rule is one of their own, of which convert says what it lacks.
                if "check" not in document or "did you mean" in mistake:
                    raise SettingsError(
                        f"{file}: {_KEY}.{mistake} A rule of your own needs `summary`, `by` and `check`."
                    )
            documents[name] = _merged(documents.get(name, {}), document)
            origins[name] = file
    if len(documents) > MAX_RULES:
        raise SettingsError(f"{len(documents)} health rules; at most {MAX_RULES} are taken")
    return tuple(_rule(name, document, origins.get(name)) for name, document in documents.items())


@cache
def shipped() -> tuple[Rule, ...]:
    """The rules that are shipped, in the order of their files and in them."""
    return load_all()


@cache
def _shipped_documents() -> _Documents:
    documents: _Documents = {}
    for file in _files([SHIPPED]):
        documents |= _rules_of(file)
    return documents


def _files(paths: Iterable[str | Path]) -> list[Path]:
    return files_in(paths, "health rules", "probe.health.rules", MAX_FILES)


def _rules_of(file: Path) -> _Documents:
    """The rules of a file by name, as plain values."""
    content = read_file(file)
    for key in content:
        if key != _KEY:
            raise SettingsError(f"{file}: {unknown(key, [_KEY], 'key of a file of health rules')}")
    rules = content.get(_KEY) or {}
    if not isinstance(rules, dict):
        raise SettingsError(f"{file}: {_KEY}: {shown(rules)} does not fit; expected a section with a rule by name")
    for name, document in rules.items():
        if not isinstance(document, dict):
            raise SettingsError(f"{file}: {_KEY}.{name}: {shown(document)} does not fit; expected a section")
        if not isinstance(document.get("check", {}), dict):
            raise SettingsError(f"{file}: {_KEY}.{name}.check: expected a section with a `kind`")
    return rules


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`: a key replaces a key, in the check as well unless it is one of another kind."""
    check = above.get("check", {})
    old = below.get("check", {})
    if check.get("kind", old.get("kind")) == old.get("kind"):
        directions = {"above", "below"}
        # Who turns a limit round does not want the old one as well.
        kept = {key: value for key, value in old.items() if not (key in directions and directions & check.keys())}
        check = kept | check
    return {**below, **above, "check": check}


def _rule(name: str, document: Mapping[str, Any], file: Path | None) -> Rule:
    where = f"{file or SHIPPED}: {_KEY}.{name}"
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise SettingsError(
            f"{where}: no name for a rule; expected at most {MAX_NAME} characters, lower-case words with dashes between"
        )
    text = convert(normal_form.rule(document), RuleText, where)
    check = _check(document["check"], f"{where}.check")
    if len(set(text.by)) != len(text.by):
        raise SettingsError(f"{where}.by: a label is there twice; keep one")
    fields = {field: getattr(text, field) for field in text.__struct_fields__}
    return Rule(name=name, check=check, origin="" if file is None else str(file), **fields)


def _check(document: Mapping[str, Any], where: str) -> Check:
    kind = document.get("kind")
    if kind is None:
        raise SettingsError(f"{where}: 'kind' is missing; add one of {', '.join(sorted(KINDS))}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SettingsError(f"{where}.kind: {unknown(str(kind), KINDS, 'kind of check')}")
    return convert(normal_form.check(document), KINDS[kind], where)
