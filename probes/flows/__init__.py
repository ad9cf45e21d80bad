"""Flows of mirrored packets: what comes after the engine."""
