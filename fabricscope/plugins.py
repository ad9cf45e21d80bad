"""Finds commands, settings sections, samplers and exporters by entry point.

Any installed package can add one: a line under `[project.entry-points."fabricscope.samplers"]` is
all. A plug-in that cannot be imported is reported and left out; it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

ABOUT = "fabricscope.about"
"""Lines of `fabricscope version`: each entry point names a string."""
COMMANDS = "fabricscope.commands"
SETTINGS = "fabricscope.settings"
SAMPLERS = "fabricscope.samplers"
EXPORTERS = "fabricscope.exporters"


class PluginError(Exception):
    """A plug-in that is installed but does not load, or one that is not installed."""


def found(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, in the order of their names. Imports nothing."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def load(point: EntryPoint) -> Any:
    """What the entry point names. Raises PluginError, naming the package, when it does not load."""
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # whatever a foreign module does while it is imported
        package = point.dist.name if point.dist else "unknown package"
        raise PluginError(
            f"{point.group.removeprefix('fabricscope.').rstrip('s')} {point.name!r} of {package} does not load: {error}"
        ) from error


def loaded(group: str) -> Iterator[tuple[str, Any | PluginError]]:
    """Every plug-in of a group by name: the thing itself, or why it does not load."""
    for name, point in found(group).items():
        try:
            yield name, load(point)
        except PluginError as error:
            yield name, error
