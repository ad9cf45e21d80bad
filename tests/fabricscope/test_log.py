"""One line an event, whatever is in it, wherever it goes."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from fabricscope import log
from fabricscope.log import LogSettings
from fabricscope.model import Now
from fabricscope.settings import SettingsError, convert


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(format: str, say: Any, level: str = "info") -> list[str]:  # noqa: A002  the setting's name
    output = io.StringIO()
    log.configure(convert({"format": format, "level": level}, LogSettings, "log"), output)
    say()
    assert output.getvalue().endswith("\n") or not output.getvalue()
    return output.getvalue().split("\n")[:-1]


def fail(why: str) -> None:
    raise ValueError(why)


def test_text_is_keys_and_values_with_the_time_first() -> None:
    (line,) = written("text", lambda: log.get("stream").info("connected", collector="c1:7450", tries=2, tls=False))
    time, rest = line.split(" ", 1)
    assert time.startswith("timestamp=20")
    assert time.endswith("Z")
    assert rest == "level=info event=connected component=stream collector=c1:7450 tries=2 tls=false"


def test_json_is_one_object_with_its_types() -> None:
    (line,) = written("json", lambda: log.get("stream").warning("lost", tries=2, share=0.5, why=None, ok=True))
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "level": "warning",
        "event": "lost",
        "component": "stream",
        "tries": 2,
        "share": 0.5,
        "why": None,
        "ok": True,
    }


def test_lines_below_the_level_are_not_written() -> None:
    def say() -> None:
        log.get("a").debug("no")
        log.get("a").info("no")
        log.get("a").warning("yes")
        log.get("a").error("yes")

    assert [line.split()[1] for line in written("text", say, "warning")] == ["level=warning", "level=error"]


@pytest.mark.parametrize("format", ["text", "json"])
@given(event=st.text(), key=st.text(min_size=1), value=st.text())
def test_whatever_is_said_is_one_printable_line(format: str, event: str, key: str, value: str) -> None:  # noqa: A002
    if key in {"event", "component", "self", "exc_info", "stack_info", "level", "timestamp", "_record"}:
        key += "_"
    (line,) = written(format, lambda: log.get("a").info(event, **{key: value, "error": ValueError(value)}))
    assert line.isprintable()
    if format == "json":
        json.loads(line)


def test_a_value_has_a_bound() -> None:
    (line,) = written("text", lambda: log.get("a").info("b", device="x" * 10_000))
    assert line.endswith(f"device={'x' * 2000}...")


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_comes_whole_in_the_same_line(format: str) -> None:  # noqa: A002
    def say() -> None:
        try:
            fail("first\nsecond\x1b[2J")
        except ValueError:
            log.get("a").exception("failed")

    (line,) = written(format, say)
    assert "ValueError: first" in line
    assert "test_log.py" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("format", ["text", "json"])
def test_libraries_speak_in_the_same_form_from_warning_on(format: str) -> None:  # noqa: A002
    def say() -> None:
        logging.getLogger("library").info("chatter")
        try:
            fail("why")
        except ValueError:
            logging.getLogger("library").exception("failed at\n%s", "something")

    (line,) = written(format, say, "debug")
    assert "logger=library" in line or '"logger": "library"' in line
    assert r"failed at\nsomething" in line
    assert "ValueError: why" in line


def test_goes_to_what_standard_error_is_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log.configure(LogSettings())
    first, second = io.StringIO(), io.StringIO()
    for stream in (first, second):
        monkeypatch.setattr(sys, "stderr", stream)
        log.get("a").info("here")
        logging.getLogger("library").warning("there")
    assert first.getvalue().count("\n") == second.getvalue().count("\n") == 2


class Gone(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Gone(), closed()])
def test_that_nobody_reads_the_log_stops_nobody(stream: io.StringIO) -> None:
    log.configure(LogSettings(), stream)
    log.get("a").error("b")
    logging.getLogger("library").error("c")


def test_a_logger_made_before_the_configuration_follows_it() -> None:
    early = log.get("early")
    (line,) = written("text", lambda: early.info("now"))
    assert "component=early" in line


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"log\.format: 'xml' does not fit; expected one of json, text"):
        convert({"format": "xml"}, LogSettings, "log")


def test_a_complaint_is_logged_once_in_a_while() -> None:
    patience = log.Patience(again_ns=10, most=2)
    said = [patience.allows("a", Now(0, mono)) for mono in (0, 5, 9, 10, 12, 20)]
    assert said == [True, False, False, True, False, True]
    assert patience.allows("b", Now(0, 20))
    patience.forget("b")
    assert patience.allows("b", Now(0, 21))
    for other in "cd":
        assert patience.allows(other, Now(0, 21))
    assert patience.allows("a", Now(0, 21)), "no more than `most` are remembered"
