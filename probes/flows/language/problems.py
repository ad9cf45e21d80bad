"""What is wrong with rules, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fabricscope.config_file import Place
from fabricscope.settings import SettingsError

MAX_SHOWN = 20


class Problem(NamedTuple):
    """One thing that is wrong."""

    file: str
    line: int
    """0 when it is the whole file's."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class RulesError(SettingsError):
    """Rules that cannot be used."""

    def __init__(self, problems: list[Problem]) -> None:
        lines = [str(problem) for problem in problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            lines.append(f"and {len(problems) - MAX_SHOWN} more; `fabricscope rules check` lists them all")
        super().__init__("\n".join(lines))
        self.problems = problems


class Layer(NamedTuple):
    """What one file says of a rule."""

    file: Path
    lines: Mapping[Place, int]
    place: Place
    """Of the rule in the file."""
    keys: frozenset[str]


class Origin:
    """Where each part of a rule stands, in the files that say something of it."""

    def __init__(self, layer: Layer) -> None:
        self._layers = [layer]

    def add(self, layer: Layer) -> None:
        """Put what a later file says over it."""
        self._layers.append(layer)

    @property
    def file(self) -> Path:
        """The last one."""
        return self._layers[-1].file

    @property
    def folders(self) -> list[Path]:
        """Of all files."""
        return [layer.file.parent for layer in self._layers]

    def problem(self, place: Place, message: str, shown: str = "") -> Problem:
        """Something wrong at a place in the rule; numbers that only `spelling` put in are skipped."""
        layers = [layer for layer in self._layers if place and place[0] in layer.keys]
        layer = (layers or self._layers)[-1]
        at = layer.place
        for step in place:
            if (*at, step) in layer.lines:
                at = (*at, step)
            elif isinstance(step, str):
                break
        return Problem(
            str(layer.file), layer.lines.get(at, 0), f"{shown or spoken((layer.place[-1], *place))}: {message}"
        )


def spoken(place: Place) -> str:
    """A place as messages have it: `dns.any[0].client`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
