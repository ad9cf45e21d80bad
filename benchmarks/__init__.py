"""Measurements: each prints its figures, and `--write` keeps them in results/."""
