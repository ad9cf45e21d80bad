"""What can go wrong with the store, in the operator's terms."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used until an operator changes something; trying again does not help."""


class StoreUnavailableError(StoreError):
    """The store does not answer at the moment (server down, disk full, busy); trying again may help."""


class RowsRefusedError(StoreError):
    """These rows cannot be stored, now or later; others can."""
