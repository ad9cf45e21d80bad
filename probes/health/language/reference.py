"""The shipped rules as a page of the documentation, and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probes.health.language import wording
from probes.health.language.checks import Check, Flaps, Forecast, Happened, Increase, Peers, Rate, Ratio, Saturated
from probes.health.language.rule import Rule
from probes.health.language.rule_files import shipped
from probes.health.language.vocabulary import Limit


def reference(rules: Sequence[Rule] | None = None) -> str:
    """docs/reference/health-rules.md: every shipped rule."""
    rules = shipped() if rules is None else rules
    lines = [
        "# Health rules",
        "",
        "Made by `make generate` from `probes/health/rules/`; change those. A verdict is raised when the check has",
        "said yes for as long as the rule asks, and clears when it has said no for the hold-down.",
        "[health.md](../health.md) explains each kind of check and how to change, switch off or add a rule.",
        "",
        "| rule | severity | what is wrong |",
        "|---|---|---|",
        *(f"| [`{rule.name}`](#{rule.name}) | {rule.severity} | {_cell(rule.summary)} |" for rule in rules),
    ]
    for rule in rules:
        lines += ["", *_section(rule)]
    return "\n".join(lines) + "\n"


def in_words(rule: Rule) -> str:
    """The rule's question in a sentence."""
    parts = [_asked(rule.check)]
    parts += [f"where {wording.condition(condition)}" for condition in rule.where]
    parts += [f"raised if {wording.condition(condition)}" for condition in rule.given]
    return "; ".join(parts)


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}"
    yield ""
    by = ", ".join(map(_code, rule.by)) or "host"
    yield f"{rule.summary[0].upper()}{rule.summary[1:]}. Severity: {rule.severity}. By {by}."
    yield ""
    yield f"- Check: {_marked(in_words(rule))}"
    yield f"- Held for {rule.hold}, hold-down {rule.hold_down}" + (
        "; the verdict stays when the thing is gone" if rule.gone == "keep" else ""
    )
    for title, text in (("Limit", rule.threshold), ("Meaning", rule.meaning), ("Next step", rule.next_step)):
        if text:
            yield f"- {title}: {text}"


def _asked(check: Check) -> str:
    if isinstance(check, Peers):
        alike = f" of the same {', '.join(check.alike.by)}" if check.alike else ""
        within = f" within the same {', '.join(check.within)}" if check.within else ""
        part = "" if check.times == 1 else f"{wording.number(check.times)} x "
        peers = f"its peers{alike}{within} ({check.at_least} at least)"
        return f"{wording.source(check.of)} is below {part}the {check.than} of {peers}"
    if isinstance(check, Flaps):
        counted = [*check.downs, *check.changes]
        shown = ", ".join(wording.source(each) for each in counted)
        return f"flaps by {shown} within {check.window} are {_beyond(check.above, None, check.critical)}"
    if isinstance(check, Saturated):
        return f"a counter of {wording.sources(check.of)} stands at its ceiling"
    if isinstance(check, Forecast):
        direction = "above" if check.above else "below"
        return (
            f"a line through {check.window} of {wording.source(check.of)} ({check.scale}, {check.minimum} at least) "
            f"passes {direction} {wording.limit(check.limit)} within {check.within}"
        )
    if isinstance(check, Happened):
        ended = f" since the last {', '.join(check.ended_by)}" if check.ended_by else ""
        severity = "" if check.severity == "info" else f" of severity {check.severity}"
        return (
            f"events {', '.join(check.events)}{severity} within {check.window}{ended} are "
            f"{_beyond(check.above, None, check.critical)}"
        )
    beyond = _beyond(check.above, check.below, check.critical)
    if isinstance(check, Ratio):
        return (
            f"increase of {wording.sources(check.of)} over {check.window} for each of {wording.sources(check.per)} "
            f"({wording.number(check.minimum)} at least) is {beyond}"
        )
    if isinstance(check, Rate):
        return f"{wording.sources(check.of)} a second over {check.window} is {beyond}"
    if isinstance(check, Increase):
        return f"increase of {wording.sources(check.of)} over {check.window} is {beyond}"
    return f"{wording.source(check.of)} is {beyond}"


def _beyond(above: Limit | None, below: Limit | None, critical: Limit | None) -> str:
    limit = f"above {wording.limit(above)}" if above is not None else f"below {wording.limit(below)}" if below else ""
    return limit if critical is None else f"{limit} (critical: {wording.limit(critical)})"


def _marked(text: str) -> str:
    """Metric names as code."""
    return " ".join(_code(word) if word.startswith("fabricscope_") else word for word in text.split(" "))


def _code(text: str) -> str:
    bare = text.rstrip(",;")
    return f"`{bare}`{text[len(bare) :]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
