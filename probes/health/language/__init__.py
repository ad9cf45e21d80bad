"""What a rule says. Knows nothing of the rest of health: the lowest layer.

`vocabulary` has the parts of a rule, `checks` the kinds of question, `rule` the whole; `normal_form` and `rule_files`
read rules, `mentions` finds what they ask for that is not there, `wording` and `reference` put them in words.
"""
