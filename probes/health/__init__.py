"""Verdicts on this host's health: rules as data, evidence kept in bounds, a lifecycle for each verdict.

The life of a verdict:

1. `rules/*.yaml` and the operator's files are read and checked: `language.rule_files` makes `language.rule.Rule`.
2. `health.Health` puts each rule to work as a `judging.inquiry.Inquiry`, with a judge for its kind of check.
3. `evidence.evidence` picks the series that rules read out of every batch, and `evidence.track` keeps their past.
4. What changed wakes the rules that read it; `judging.judge`, `.happened` or `.forecast` answers for each thing.
5. `judging.lifecycle` makes of answers over time a verdict: pending, raised, held down, cleared.
6. `judging.verdict` says it with its evidence; `running` sends it, `metrics`, `state_file` and `report` show it.

Imports go one way: this package's own modules use `judging`, which uses `evidence`, which uses `language`.
"""
