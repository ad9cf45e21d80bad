"""What settings choose by name: patterns in which `*` and `?` stand for any letters."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta

_Pattern = Annotated[str, Meta(min_length=1, max_length=64)]
Patterns = Annotated[tuple[_Pattern, ...], Meta(max_length=64)]
"""The type of such a setting; its description is the sampler's."""


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether the name fits one of the patterns. Upper and lower case differ."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
