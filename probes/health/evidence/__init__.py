"""What is remembered of the series that rules read. Imports `language` alone of health.

`evidence` picks the series out of batches, `track` and `windows` keep the past of one; `operand` and `condition` read
them for each thing that a rule is about; `long_pasts` is what has to outlive the probe.
"""
