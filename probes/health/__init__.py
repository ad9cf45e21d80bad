"""Verdicts on this host's health: rules as data, evidence kept in bounds, a lifecycle for each verdict."""
