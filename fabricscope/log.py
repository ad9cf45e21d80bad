"""Structured logging for both daemons: one line an event, key=value, or JSON for machines."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import Annotated, Any, Literal, TextIO, cast

import structlog
from msgspec import Meta, Struct

from fabricscope.model import Now

MAX_VALUE = 2000
"""Characters of one value; much of what is logged was said by devices and peers. Tracebacks are written whole."""

_WHOLE = frozenset({"exception", "stack"})
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.]+")


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is logged, and how."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Lines below this level are not written.")
    ] = "info"
    format: Annotated[
        Literal["text", "json"],
        Meta(description="`text` for people and journals, `json` for log pipelines."),
    ] = "text"


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set up logging for the process, that of libraries from `warning` on.

    Lines go to `stream`; when None, to what `sys.stderr` is when they are written.
    """
    level = getattr(logging, settings.level.upper())
    output = cast("TextIO", _Output(stream))
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _printable, _renderer(settings)]
    structlog.configure(
        processors=before + render,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def get(component: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines name the component."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(component=component)
    return logger


class _Output:
    """Where lines go. That nobody takes them, as when a pipe's reader is gone, stops no daemon."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        stream = self._stream or sys.stderr
        with suppress(OSError, ValueError):  # ValueError: it is closed
            stream.write(text)
            stream.flush()
        return len(text)

    def flush(self) -> None:
        pass


def _renderer(settings: LogSettings) -> structlog.typing.Processor:
    if settings.format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)


def _printable(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The event as plain values that fit a line: whatever a device or a peer said cannot forge another one."""
    return {
        _NOT_IN_KEYS.sub("_", key): value
        if value is None or isinstance(value, bool | int | float)
        else _clean(str(value), None if key in _WHOLE else MAX_VALUE)
        for key, value in event.items()
    }


def _clean(text: str, limit: int | None) -> str:
    """`text` with what is not printable escaped, line feeds apart, which the renderers escape."""
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class Patience:
    """Which repeated complaints are due again: each is logged once a minute, while a counter has every one."""

    def __init__(self, again_ns: int = 60 * 1_000_000_000, most: int = 1000) -> None:
        """`most` complaints are told apart; beyond that the oldest is forgotten, and logged again."""
        self._again_ns = again_ns
        self._most = most
        self._said: dict[str, int] = {}

    def allows(self, complaint: str, now: Now) -> bool:
        """Whether to log the complaint now."""
        said = self._said.pop(complaint, now.mono - self._again_ns)
        due = now.mono - said >= self._again_ns
        self._said[complaint] = now.mono if due else said
        while len(self._said) > self._most:
            del self._said[next(iter(self._said))]
        return due

    def forget(self, complaint: str) -> None:
        """It is over: the next one is new."""
        self._said.pop(complaint, None)
