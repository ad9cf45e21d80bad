"""XGMI links by AMD's own library (the Python package `amdsmi`, part of ROCm), where it is installed.

It is imported when it is first asked, in the thread that asks: it loads a native library and may hang. Its absence is
the normal case. What it returns is looked at as closely as what a device says.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from fabricscope.model import Now
from probes.sources.amdgpu_metrics import MAX_LINKS

MAX_GPUS = 128
RETRY_NS = 600 * 1_000_000_000
"""How long a library that does not work is left alone."""
_UP = {"U": True, "D": False}
"""A link that is switched off is "X", and one that there is not "N/A"."""
_UNKNOWN = frozenset({(1 << 32) - 1, (1 << 64) - 1})


class LibraryError(OSError):
    """The library is there and does not work; says why."""


class Link(NamedTuple):
    """One XGMI link. None for what is not known."""

    number: int
    up: bool | None
    read: int | None
    """KiB received."""
    write: int | None
    """KiB sent."""


class Library:
    """The library, from its first use to `close`."""

    def __init__(self) -> None:
        """Import nothing yet."""
        self._module: Any = None
        self._absent = False
        self._failed: tuple[int, LibraryError] | None = None
        """When it last could not be opened, and why: each attempt would search the disk and load it again."""
        self._handles: dict[str, Any] = {}

    def links(self, now: Now) -> Mapping[str, list[Link] | None]:
        """Every GPU's links by its PCI address, None for a GPU whose links it cannot tell.

        Empty where the library is not installed. Raises LibraryError when it does not work.
        """
        if self._failed is not None and now.mono - self._failed[0] < RETRY_NS:
            raise self._failed[1]
        try:
            opened = self._opened()
        except LibraryError as error:
            self._failed = now.mono, error
            raise
        self._failed = None
        return {address: self._links_of(handle) for address, handle in self._handles.items()} if opened else {}

    def close(self) -> None:
        """Let go of the library's handles."""
        module, self._module = self._module, None
        if module is not None:
            try:
                module.amdsmi_shut_down()
            except Exception as error:  # the library raises its own
                raise LibraryError(f"amdsmi_shut_down: {_shown(error)}") from error

    def _opened(self) -> bool:
        """Whether the library is there. Raises LibraryError when it is, and does not work."""
        if self._module is not None or self._absent:
            return not self._absent
        try:
            module = import_module("amdsmi")
        except ModuleNotFoundError as error:
            if error.name != "amdsmi":
                raise LibraryError(f"amdsmi cannot be imported: {_shown(error)}") from error
            self._absent = True
            return False
        except (Exception, SystemExit) as error:  # it looks for its native library and has ways of its own to complain
            raise LibraryError(f"amdsmi cannot be imported: {_shown(error)}; is ROCm installed whole?") from error
        try:
            module.amdsmi_init()
            handles = list(module.amdsmi_get_processor_handles())[:MAX_GPUS]
            self._handles = {str(module.amdsmi_get_gpu_device_bdf(handle)).lower()[:32]: handle for handle in handles}
        except Exception as error:  # the library raises its own
            raise LibraryError(f"amdsmi finds no GPU: {_shown(error)}") from error
        self._module = module
        return True

    def _links_of(self, handle: Any) -> list[Link] | None:
        try:
            status = self._asked("amdsmi_get_gpu_xgmi_link_status", handle)
            metrics = self._asked("amdsmi_get_link_metrics", handle)
        except LibraryError:
            return None
        return parse_links(status, metrics)

    def _asked(self, function: str, handle: Any) -> Any:
        """What a function of the library says; None when this version or this GPU does not have it."""
        if (call := getattr(self._module, function, None)) is None:
            return None
        try:
            return call(handle)
        except Exception as error:  # the library raises its own
            if "NOT_SUPPORTED" in str(error):
                return None
            raise LibraryError(f"{function}: {_shown(error)}") from error


def parse_links(status: Any, metrics: Any) -> list[Link]:
    """Links from what the library gives for the status and the metrics of one GPU, either of which may be anything."""
    states = _list(status, "status")
    rows = _list(metrics, "links")
    links = []
    for number in range(min(max(len(states), len(rows)), MAX_LINKS)):
        state = states[number] if number < len(states) else None
        row = rows[number] if number < len(rows) and isinstance(rows[number], dict) else {}
        up = _UP.get(state) if isinstance(state, str) else None
        if up is None and isinstance(state, str):
            continue
        links.append(
            Link(
                number=number,
                up=up,
                read=_count(row.get("read")),
                write=_count(row.get("write")),
            )
        )
    return links


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else value
    return found[:MAX_LINKS] if isinstance(found, list) else []


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 1 << 64 and value not in _UNKNOWN else None


def _shown(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
