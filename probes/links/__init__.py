"""Detectors: readings and kernel events in, events out. Pure."""
