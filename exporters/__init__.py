"""Outward sinks: a snapshot in, a protocol out."""
