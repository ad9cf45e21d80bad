"""docs/runbooks: a page behind the alert of each health rule that is shipped, and their list in README.md."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from probes.health import metrics
from probes.health.language import reference
from probes.health.language.checks import (
    Check,
    Flaps,
    Forecast,
    Happened,
    Increase,
    Peers,
    Rate,
    Ratio,
    Saturated,
    Value,
)
from probes.health.language.rule import Rule
from probes.health.language.vocabulary import Source
from tools.verdict_alerts import OTHER, alert_name, sentence

SECTIONS = ("What it means", "Confirm", "When it is raised", "What to do", "Silence")

_MADE = "<!-- Made by `make generate` from probes/health/rules/; change those. -->"
_LIST = "<!-- verdicts: made by `make generate` -->"
"""In README.md: what follows it is written anew."""
_WIDTH = 120
_SPACE = "\x00"
_OVER_TIME = {"min": "min_over_time", "max": "max_over_time", "mean": "avg_over_time"}


def pages(rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Every page: the alert that it is behind, and its text."""
    for rule in rules:
        yield alert_name(rule), _page(rule)
    yield OTHER, _other_page()


def listed(readme: str, rules: Iterable[Rule]) -> str:
    """README.md of the runbooks with the list of these pages. Raises ValueError when it has no place for it."""
    before, marker, _ = readme.partition(_LIST)
    if not marker:
        raise ValueError(
            f"docs/runbooks/README.md has lost its line {_LIST!r}, behind which the list of verdicts stands"
        )
    lines = [_LIST, "", "| alert | rule | severity | what it means |", "|---|---|---|---|"]
    lines += [f"| {_link(alert_name(rule))} | `{rule.name}` | {_levels(rule)} | {sentence(rule)}. |" for rule in rules]
    lines.append(f"| {_link(OTHER)} | any other | the rule's | A rule of your own has a verdict. |")
    return before + "\n".join(lines) + "\n"


def _page(rule: Rule) -> str:
    held = "at once" if rule.hold == "0s" else f"when this has been so for {rule.hold}"
    verdict = _selector(metrics.VERDICT.name, {"rule": rule.name}, ())
    places = [label for label in rule.by if label in metrics.PLACES]
    blocks = [
        f"# {alert_name(rule)}",
        _MADE,
        _wrapped(f"Severity: {_severity(rule)} Rule: [`{rule.name}`](../reference/health-rules.md#{rule.name})."),
        "## What it means",
        _wrapped(f"{sentence(rule)}. {rule.meaning}"),
        "## Confirm",
        "The verdict, by which the probe judges what it samples on the host itself:",
        _fenced("promql", verdict),
        *_evidence(rule),
        "The values at the time, and what happened since:",
        _fenced("sh", "ssh HOST fabricscope doctor\n" + "\n".join(map(_events, ["verdict", *_kinds(rule.check)]))),
        "## When it is raised",
        _wrapped(
            f"{_marked(reference.in_words(rule))}. Raised {held}; cleared when it has not been so for {rule.hold_down}."
        ),
        *([_wrapped(rule.threshold)] if rule.threshold else []),
        "A threshold that does not fit, or a rule that you do without: [health.md](../health.md).",
        "## What to do",
        _wrapped(_placed(rule.next_step, rule.by)),
        "## Silence",
        "What waits for its repair may be silenced until then, by the thing alone: its neighbours must still alert.",
        _fenced("sh", _silence(alert_name(rule), places)),
    ]
    return "\n\n".join(blocks) + "\n"


def _other_page() -> str:
    blocks = [
        f"# {OTHER}",
        _MADE,
        "Severity: the verdict's.",
        "## What it means",
        "A health rule that is not shipped has a verdict on this host: one from a file that `probe.health.rules`\n"
        "names. The label `rule` says which.",
        "## Confirm",
        _fenced("promql", _selector(metrics.VERDICT.name, {"rule": "RULE"}, ())),
        _fenced("sh", f"ssh HOST fabricscope doctor\n{_events('verdict')}"),
        "## When it is raised",
        "When the rule says so: it stands in your own files. [health.md](../health.md) explains what rules consist of.",
        "## What to do",
        "What the rule's `next_step` says; `fabricscope doctor` prints it. If a verdict pages people who can do\n"
        "nothing about it, give its rule the severity `info`; `fabricscope replay-health` tries a threshold on what\n"
        "was recorded.",
        "## Silence",
        _fenced("sh", _silence(OTHER, ["rule"])),
    ]
    return "\n\n".join(blocks) + "\n"


def _evidence(rule: Rule) -> Iterator[str]:
    """The metrics that the rule's answer rests on, as PromQL."""
    check = rule.check
    if isinstance(check, Saturated):
        names = "|".join(source.metric.replace("*", ".*") for source in check.of)
        yield "Which counters:"
        yield _fenced(
            "promql", _selector("fabricscope_series_quality", {"quality": "saturated"}, rule.by, {"metric": names})
        )
        return
    found = list(_queries(rule, check))
    if found:
        yield "What it rests on:"
    yield from (_fenced("promql", query) for query in found)


def _queries(rule: Rule, check: Check) -> Iterator[str]:
    if isinstance(check, Value | Peers | Forecast):
        # Peers are judged by what the others have.
        source, by = check.of, () if isinstance(check, Peers) else rule.by
        selector = _of(source, by)
        function = _OVER_TIME.get(source.over, source.over)
        yield selector if source.over == "latest" else f"{function}({selector}[{source.window}])"
    elif isinstance(check, Increase | Flaps):
        counted = check.of if isinstance(check, Increase) else (*check.downs, *check.changes)
        yield from (f"increase({_of(source, rule.by)}[{check.window}])" for source in counted)
    elif isinstance(check, Rate | Ratio):
        counted = check.of if isinstance(check, Rate) else (*check.of, *check.per)
        unique = dict.fromkeys(_of(source, rule.by) for source in counted)
        yield from (f"rate({selector}[{check.window}])" for selector in unique)


def _of(source: Source, by: Iterable[str]) -> str:
    one = {label: values[0] for label, values in source.labels.items() if len(values) == 1}
    many = {label: "|".join(values) for label, values in source.labels.items() if len(values) > 1}
    return _selector(source.metric, one, [label for label in by if label not in source.labels], many)


def _selector(metric: str, fixed: Mapping[str, str], by: Iterable[str], patterns: Mapping[str, str] = {}) -> str:
    matchers = [f'{label}="{value}"' for label, value in fixed.items()]
    matchers += [f'{label}=~"{pattern}"' for label, pattern in patterns.items()]
    matchers += ['host="HOST"', *(f'{label}="{label.upper()}"' for label in by)]
    return f"{metric}{{{', '.join(matchers)}}}"


def _kinds(check: Check) -> list[str]:
    return list(check.events) if isinstance(check, Happened) else []


def _events(kind: str) -> str:
    return f"curl -sG http://COLLECTOR:7451/api/v1/events -d host=HOST -d kind={kind}"


def _silence(alert: str, labels: Iterable[str]) -> str:
    matchers = " ".join(f"{label}={label.upper()}" for label in ("cluster", "host", *labels))
    return f'amtool silence add alertname={alert} {matchers} --duration=4h --comment="who, why, until when"'


def _severity(rule: Rule) -> str:
    if rule.severity == "info":
        return "info: it does not alert, unless you give the rule a higher one."
    return f"{rule.severity}; critical from a second limit on." if _has_second_limit(rule) else f"{rule.severity}."


def _levels(rule: Rule) -> str:
    return f"{rule.severity}, critical" if _has_second_limit(rule) else rule.severity


def _has_second_limit(rule: Rule) -> bool:
    return getattr(rule.check, "critical", None) is not None


def _placed(text: str, labels: Iterable[str]) -> str:
    """A text with the name of each label where the thing's own would be."""
    for label in labels:
        text = text.replace(f"{{{label}}}", label.upper())
    return text


def _marked(text: str) -> str:
    """Metrics as code, at the beginning of a sentence."""
    text = re.sub(r"fabricscope_\w+\*?(?:\{[^}]*\})?", lambda found: f"`{found[0]}`", text)
    return text[0].upper() + text[1:]


def _wrapped(text: str) -> str:
    """A paragraph, with what is code in one piece each."""
    whole = re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", _SPACE), text.strip())
    lines = textwrap.wrap(whole, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_SPACE, " ")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _link(alert: str) -> str:
    return f"[{alert}]({alert}.md)"
