"""What rules answer, and what becomes of it. Imports `evidence` and `language` of health.

`judge`, `happened` and `forecast` (by a `linear_fit`) answer a check for a thing; `inquiry` asks them when there is
cause to; `lifecycle` makes of answers over time a verdict, and `verdict` is how others get it.
"""
