"""Flows in plain Python: what packets of one conversation come to, the specification of engine/src/flows."""
