"""Settings that do not fit are refused with the key, the value and the remedy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, field

from fabricscope import plugins
from fabricscope.settings import (
    EXPECTED,
    PluginDocuments,
    SettingsError,
    convert,
    plugin_settings,
    section,
    shown,
    unknown,
)
from tests.fabricscope.conftest import Install

Name = Annotated[str, Meta(pattern="^[a-z]*$", max_length=9, extra={EXPECTED: "small letters"})]


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cert_file: str


class Port(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    listen: str = ":7452"
    backlog: Annotated[int, Meta(ge=1, le=100)] = 10
    mode: Literal["open", "closed"] = "open"


class Everything(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(pattern="^[a-z]*$")] = ""
    seconds: Annotated[float, Meta(gt=0, le=60)] = 1.0
    enabled: bool = True
    limit: int | None = None
    names: tuple[str, ...] = ()
    labels: dict[Name, str] = field(default_factory=dict)
    nick: Name | None = None
    http: Port = Port()
    tls: Tls | None = None
    ports: list[Port] = field(default_factory=list)
    named: dict[str, Port] = field(default_factory=dict)
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high, which is {self.high}; lower it")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"hots": "x"}, "probe: 'hots' is not a known setting; did you mean 'host'?"),
        ({"http": {"lisen": "x"}}, "probe.http: 'lisen' is not a known setting; did you mean 'listen'?"),
        ({"http": {"zzz": 1}}, "probe.http: 'zzz' is not a known setting; known: backlog, listen, mode"),
        ({"ports": [{}, {"lisen": 1}]}, "probe.ports[1]: 'lisen' is not a known setting; did you mean 'listen'?"),
        (
            {"named": {"a": {}, "b": {"lisen": 1}}},
            "probe.named.b: 'lisen' is not a known setting; did you mean 'listen'?",
        ),
        ({"tls": {}}, "probe.tls: 'cert_file' is missing; add it"),
        ({"host": 7}, "probe.host: 7 does not fit; expected text; put it in quotes"),
        ({"host": "UP"}, "probe.host: 'UP' does not fit; expected text matching regex '^[a-z]*$'"),
        ({"enabled": "yes"}, "probe.enabled: 'yes' does not fit; expected true or false"),
        ({"seconds": "1s"}, "probe.seconds: '1s' does not fit; expected a number"),
        ({"seconds": 0}, "probe.seconds: 0 does not fit; expected a number > 0.0"),
        ({"seconds": float("nan")}, "probe.seconds: nan does not fit; expected a number > 0.0"),
        ({"seconds": 61}, "probe.seconds: 61 does not fit; expected a number <= 60.0"),
        ({"limit": 1.5}, "probe.limit: 1.5 does not fit; expected a whole number or nothing"),
        ({"names": "a"}, "probe.names: 'a' does not fit; expected a list"),
        ({"names": ["a", 1]}, "probe.names[1]: 1 does not fit; expected text; put it in quotes"),
        ({"labels": {"a": "b", "rack": 12}}, "probe.labels.rack: 12 does not fit; expected text; put it in quotes"),
        ({"labels": {"on": True}}, "probe.labels.on: true does not fit; expected text; put it in quotes"),
        ({"nick": "UP"}, "probe.nick: 'UP' does not fit; expected small letters"),
        ({"nick": "a" * 10}, "probe.nick: 'aaaaaaaaaa' does not fit; expected text of length <= 9"),
        ({"nick": 7}, "probe.nick: 7 does not fit; expected text or nothing; put it in quotes"),
        ({"labels": {"a": "b", "1a": "y"}}, "probe.labels: the name '1a' does not fit; expected small letters"),
        ({"http": 7452}, "probe.http: 7452 does not fit; expected a section with settings"),
        ({"http": {"backlog": 0}}, "probe.http.backlog: 0 does not fit; expected a whole number >= 1"),
        ({"http": {"backlog": None}}, "probe.http.backlog: nothing does not fit; expected a whole number"),
        ({"http": {"mode": "ajar"}}, "probe.http.mode: 'ajar' does not fit; expected one of closed, open"),
        (
            {"named": {"a": {"backlog": 5}, "b": {"backlog": 500}}, "labels": {"x": "y"}},
            "probe.named.b.backlog: 500 does not fit; expected a whole number <= 100",
        ),
        ({"low": 10}, "probe: low is 10, above high, which is 9; lower it"),
    ],
)
def test_what_does_not_fit_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        convert(document, Everything, "probe")
    assert str(refused.value) == message


def test_what_is_left_out_has_its_default() -> None:
    assert convert(None, Everything, "probe") == Everything()
    assert convert({"http": {"backlog": 3}}, Everything, "probe").http == Port(backlog=3)


def test_a_section_with_every_line_commented_out_is_an_empty_one() -> None:
    settings = convert({"http": None, "labels": None, "named": {"a": None}}, Everything, "probe")
    assert settings == Everything(named={"a": Port()})


def test_a_fields_own_default_holds_for_what_its_section_leaves_out() -> None:
    class Daemon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        http: Port = Port(listen=":1", backlog=2)
        nested: Everything = Everything(http=Port(listen=":3"))

    assert convert({"http": {"mode": "closed"}}, Daemon, "d").http == Port(listen=":1", backlog=2, mode="closed")
    assert convert({"http": None}, Daemon, "d") == Daemon()
    assert convert({"nested": {"http": {"backlog": 5}}}, Daemon, "d").nested.http == Port(listen=":3", backlog=5)


def test_null_stays_null_where_it_means_something() -> None:
    assert convert({"tls": None, "limit": None}, Everything, "probe") == Everything()


def test_a_secret_or_a_long_value_does_not_fill_the_screen() -> None:
    with pytest.raises(SettingsError) as refused:
        convert({"host": "A" * 10_000}, Everything, "probe")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "nothing"), (True, "true"), (0, "0"), (1, "1"), ("a", "'a'"), ([1], "a list"), ({}, "a section")],
)
def test_values_are_shown_as_yaml_has_them(value: object, text: str) -> None:
    assert shown(value) == text


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(Everything.__struct_fields__), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*Everything.__struct_fields__, "listen", "x"]), plain))
def test_any_document_gives_settings_or_a_settings_error(document: dict[str, Any]) -> None:
    try:
        settings = convert(document, Everything, "probe")
    except SettingsError as error:
        assert str(error).startswith("probe")
        assert "[...]" not in str(error)
    else:
        assert isinstance(settings, Everything)


def test_a_section_is_taken_from_the_whole_document(install: Install) -> None:
    install("acme", {plugins.SETTINGS: {"acme": "acme:Settings"}})
    assert section({"acme": {"host": "a"}, "probe": {"host": "x"}}, "acme", Everything).host == "a"
    assert section({"acme": None}, "acme", Everything) == Everything()
    assert section({}, "acme", Everything) == Everything()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"prob": {}}, "'prob' is not a known section; did you mean 'probe'?"),
        ({"probe": ["host"]}, "probe: expected a section with settings, got a list"),
        ({"probe": "host"}, "probe: expected a section with settings, got 'host'"),
    ],
)
def test_a_section_that_is_none_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        section(document, "probe", Everything)
    assert str(refused.value) == message


class TestPlugins:
    SOURCE = (
        "from msgspec import Struct\n"
        "class Settings(Struct, forbid_unknown_fields=True):\n"
        "    interval: float = 1.0\n"
        "class Sampler:\n"
        "    Settings = Settings\n"
    )

    @pytest.fixture(autouse=True)
    def _installed(self, install: Install) -> None:
        points = {"good": "acme:Sampler", "broken": "acme:Missing"}
        install("acme", {"fabricscope.widgets": points}, self.SOURCE)

    def settings(self, documents: PluginDocuments) -> dict[str, Any]:
        return dict(plugin_settings("fabricscope.widgets", documents, "probe.widgets", Port))

    def test_each_has_its_own_settings(self) -> None:
        assert self.settings({"good": {"interval": 2.0}})["good"].interval == 2.0

    def test_one_that_is_not_mentioned_has_its_defaults(self) -> None:
        assert self.settings({})["good"].interval == 1.0

    def test_one_that_does_not_load_stops_nothing_whatever_is_set_for_it(self) -> None:
        assert self.settings({"broken": {"board": 3}})["broken"] == Port()

    def test_its_key_is_named_in_full(self) -> None:
        with pytest.raises(SettingsError, match=r"^probe\.widgets\.good\.interval: 'x' does not fit"):
            self.settings({"good": {"interval": "x"}})

    def test_one_that_is_not_installed_is_named_with_the_nearest(self) -> None:
        with pytest.raises(SettingsError, match="'god' is not a known widget; did you mean 'good'"):
            self.settings({"god": {}})


def test_an_unknown_name_with_nothing_known() -> None:
    assert unknown("x", [], "sampler") == "'x' is not a known sampler; known: none"
