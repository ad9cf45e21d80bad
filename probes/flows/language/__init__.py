"""What rules about flows say (docs/flow-rules.md). Pure, apart from `commands`.

`rule`, `behaviour` and `policy` have the structures; `patterns`, `expressions`, `payloads` and `conditions` the small
languages inside them; `rule_files` reads files and finds where each thing stands, `lint` what makes no sense;
`normal_form` is what the engine takes, `cases` tries the examples that stand beside the rules.
"""
