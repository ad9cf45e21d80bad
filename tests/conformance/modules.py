"""Memory of real modules, as the sets of recorded hardware store it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from probes.sources.eeprom.memory import DIAGNOSTICS, MAIN, Image


def fboss(path: Path) -> Image:
    """A module of fboss-eeprom: pages by number, and for SFPs the lower half of A2h."""
    stored = json.loads(path.read_text())
    halves: dict[tuple[int, int, int | None], bytes] = {(MAIN, 0, None): bytes.fromhex(stored["lower_page_00h"])}
    halves |= {(MAIN, 0, int(page, 16)): bytes.fromhex(text) for page, text in stored["upper_pages"].items()}
    if "a2h_lower" in stored:
        halves[DIAGNOSTICS, 0, None] = bytes.fromhex(stored["a2h_lower"])
    return Image(halves)


def bigcode(row: dict[str, Any]) -> Image:
    """A module of bigcode-sff: A0h, or the lower half and page 00h.

    Some were dumped with a zero before every 16 bytes; one of those has a byte twice in its first line.
    """
    content = bytes.fromhex(row["eeprom_hex"])
    if len(content) == 273:
        content = content[:17] + content[18:]
    if len(content) == 272:
        content = bytes(x for place, x in enumerate(content) if place % 17)
    return Image({(MAIN, 0, None): content[:128], (MAIN, 0, 0): content[128:256]})


def oom(stored: dict[str, Any]) -> Image:
    """A module of oom-eeprom, from the bytes beside what is expected of it."""
    halves: dict[tuple[int, int, int | None], bytes] = {}
    if "a0_hex" in stored:
        halves[MAIN, 0, None] = bytes.fromhex(stored["a0_hex"])[:128]
        halves[DIAGNOSTICS, 0, None] = bytes.fromhex(stored["a2_hex"])
        return Image(halves)
    halves[MAIN, 0, None] = bytes.fromhex(stored["lower_hex"])
    halves |= {(MAIN, 0, int(page, 16)): bytes.fromhex(text) for page, text in stored["pages_hex"].items()}
    return Image(halves)
