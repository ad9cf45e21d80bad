"""Decoders of what pluggable optics and cables have in their memory: CMIS, SFF-8636 and SFF-8472.

They are functions of bytes: a `Memory` reads, whatever it reads from. `identify` reads once what stays as it is, and
gives a `Module` that reads the rest as often as it is asked to `measure`, in as few spans as there can be.
"""

from __future__ import annotations

from probes.sources.eeprom import cmis, codes, sff8472, sff8636
from probes.sources.eeprom.memory import EepromError, Memory, Span, need, take
from probes.sources.eeprom.module import Identity, Measurement, Module, Thresholds

__all__ = ["EepromError", "Identity", "Measurement", "Memory", "Module", "Span", "Thresholds", "identify"]

_CMIS_REVISIONS = range(3, 6)


def identify(memory: Memory) -> Module:
    """The module in a memory. Raises EepromError for one of a kind that nobody knows, OSError."""
    head = need(memory, Span(0, 3))
    identifier = head[0]
    if not identifier:
        # Some modules leave byte 0 empty; the page repeats it.
        repeated = take(memory, Span(128, 1))
        identifier = repeated[0] if repeated is not None else 0
    if identifier in codes.SFF_8472:
        return sff8472.identify(memory)
    if identifier in codes.SFF_8636:
        return sff8636.identify(memory)
    # What vendors number themselves follows CMIS when its revision says so: there is no other standard with pages.
    if identifier in codes.CMIS or (identifier >= 0x80 and head[1] >> 4 in _CMIS_REVISIONS):
        return cmis.identify(memory)
    raise EepromError(f"identifier {identifier:02X}h ({codes.form_factor(identifier)}) is of no standard that is known")
