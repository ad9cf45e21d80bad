"""The whole configuration: what is in effect, its schema and its samples agree with one another."""

from __future__ import annotations

import itertools
import re
from typing import Any

import jsonschema
import pytest
import yaml

from fabricscope import plugins, sections
from fabricscope.settings import SettingsError
from tests.fabricscope.conftest import Install

SOURCE = """
from typing import Annotated, Literal
from msgspec import Meta, Struct, field
from fabricscope.settings import PluginDocuments

class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    '''Files of one end.'''
    cert_file: Annotated[str, Meta(description="Certificate.")]

class Http(Struct, frozen=True, forbid_unknown_fields=True):
    '''Where it is served.'''
    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = ":1"
    tls: Annotated[Tls | None, Meta(description="Its certificate.")] = None

class Widget(Struct, frozen=True, forbid_unknown_fields=True):
    seconds: Annotated[float, Meta(gt=0, le=3600, description="Time between two, in seconds.")] = 1.0

class Sampler:
    Settings = Widget

class Acme(Struct, frozen=True, forbid_unknown_fields=True):
    '''Settings of acme.'''
    count: Annotated[int, Meta(ge=1, description="How many.")] = 3
    password_file: Annotated[str, Meta(description="File with the password.")] | None = None
    level: Annotated[Literal["low", "high"], Meta(description="How much.")] = "low"
    http: Http = Http(listen=":7")
    labels: Annotated[dict[str, str], Meta(description="Labels.")] = field(default_factory=dict)
    samplers: Annotated[PluginDocuments, Meta(description="Settings by sampler.")] = field(default_factory=dict)
"""


@pytest.fixture(autouse=True)
def _acme(install: Install) -> None:
    points = {plugins.SETTINGS: {"acme": "acme:Acme"}, plugins.SAMPLERS: {"acme_widget": "acme:Sampler"}}
    install("acme", points, SOURCE)


def acme(document: Any) -> Any:
    settings, errors = sections.effective({"acme": document})
    assert errors == []
    return settings["acme"]


def test_defaults_are_filled_in_also_those_of_plug_ins() -> None:
    settings = acme({"samplers": {"acme_widget": {"seconds": 2}}, "http": {"listen": ":8"}})
    assert settings["count"] == 3
    assert settings["http"] == {"listen": ":8", "tls": None}
    assert settings["samplers"]["acme_widget"] == {"seconds": 2.0}
    assert acme(None)["samplers"]["acme_widget"] == {"seconds": 1.0}


def test_what_is_in_effect_is_a_configuration_with_the_same_effect() -> None:
    settings, errors = sections.effective({})
    assert errors == []
    assert sections.effective(settings) == (settings, [])


def test_every_error_is_told() -> None:
    document = {
        "acmee": {},
        "acme": {"samplers": {"acme_widget": {"seconds": 0}, "acme_wigdet": {}}},
        "probe": {"hots": 1},
    }
    _, errors = sections.effective(document)
    assert errors == [
        "'acmee' is not a known section; did you mean 'acme'?",
        "acme.samplers: 'acme_wigdet' is not a known plug-in; did you mean 'acme_widget'?",
        "acme.samplers.acme_widget.seconds: 0 does not fit; expected a number > 0.0",
        "probe: 'hots' is not a known setting; did you mean 'host'?",
    ]


def test_a_mistake_in_one_component_hides_none_of_another() -> None:
    document = {
        "probe": {
            "hots": 1,
            "health": {"enabled": "maybe"},
            "recorder": {"evidence": {"max_bytes": 1}, "flight": {"kinds": 3}, "directry": "x"},
            "governor": 5,
            "samplers": {"acme_widget": {"seconds": 0}},
        }
    }
    assert sections.effective(document)[1] == [
        "probe.governor: 5 does not fit; expected a section with settings",
        "probe.health.enabled: 'maybe' does not fit; expected true or false",
        "probe.recorder.evidence.max_bytes: 1 does not fit; expected a whole number >= 1048576",
        "probe.recorder.flight.kinds: 3 does not fit; expected a list",
        "probe.recorder: 'directry' is not a known setting; did you mean 'directory'?",
        "probe: 'hots' is not a known setting; did you mean 'host'?",
        "probe.samplers.acme_widget.seconds: 0 does not fit; expected a number > 0.0",
    ]


def test_a_component_with_a_mistake_makes_no_other() -> None:
    # Without its tls, which is there, this collector would be refused.
    _, errors = sections.effective({"probe": {"collectors": ["far:1"], "tls": {"cert_file": 3}}})
    assert [error.partition(":")[0] for error in errors] == ["probe.tls.cert_file"]
    _, errors = sections.effective({"probe": {"collectors": ["far:1"]}})
    assert len(errors) == 1


@pytest.mark.parametrize("document", [{"samplers": {"acme_widget": 3}, "host": 1}, {"samplers": 3, "host": 1}, 3])
def test_what_is_no_section_is_told(document: Any) -> None:
    assert len(sections.effective({"probe": document})[1]) == 1


def test_a_section_that_does_not_load_is_an_error_and_a_plug_in_that_does_not_is_none(install: Install) -> None:
    install("broken", {plugins.SETTINGS: {"broken": "broken:X"}, plugins.SAMPLERS: {"broken": "broken:X"}})
    settings, errors = sections.effective({"acme": {"samplers": {"broken": {"board": 3}}}})
    assert [error.partition(":")[0] for error in errors] == ["setting 'broken' of broken does not load"]
    assert settings["acme"]["samplers"]["broken"] == {"board": 3}


def test_the_sample_of_a_section_explains_every_line() -> None:
    sample = sections.sample("acme")
    widget = sample.index("    acme_widget:\n      # Time between two, in seconds. From more than 0 to 3,600.\n")
    assert sample[widget:].splitlines()[2] == "      # seconds: 1.0"
    assert sample.startswith(
        """\
# Settings of `fabricscope acme`. A line that is commented out shows the default.
# `fabricscope check-config --config FILE` says what is wrong, and prints what is in effect.

acme:
  # How many. At least 1.
  # count: 3
  # File with the password.
  # password_file: null
  # How much. One of high, low.
  # level: low
  # Where it is served.
  http:
    # HOST:PORT to listen on.
    # listen: :7
    # Its certificate.
    # tls:
      # Certificate. Required.
      # cert_file: ''
  # Labels.
  # labels: {}
  # Settings by sampler.
  samplers:
"""
    )


def test_a_sample_of_what_is_no_section_is_refused() -> None:
    with pytest.raises(SettingsError, match="'acmee' is not a known section; did you mean 'acme'"):
        sections.sample("acmee")


@pytest.mark.parametrize("name", ["acme", "collector", "probe"])
def test_a_sample_changes_nothing(name: str) -> None:
    document = yaml.safe_load(sections.sample(name))
    assert sections.effective(document) == sections.effective({})
    jsonschema.validate(document, sections.json_schema())


SETTING = re.compile(r" *# [a-z_]+:( |$)")


def test_every_line_of_a_sample_can_be_uncommented_by_itself() -> None:
    before = sections.effective({})
    for name in ("acme", "collector", "probe"):
        lines = sections.sample(name).splitlines()
        for index, line in enumerate(lines):
            if SETTING.match(line) and not line.endswith((":", "_file: ''")):  # but for an optional section
                alone = [*lines[:index], line.replace("# ", "", 1), *lines[index + 1 :]]
                assert sections.effective(yaml.safe_load("\n".join(alone))) == before, line


def test_every_setting_is_described() -> None:
    for name in ("acme", "collector", "probe"):
        lines = sections.sample(name).splitlines()
        for above, line in itertools.pairwise(lines):
            if SETTING.match(line):
                assert above.strip().startswith("#"), line
                assert not SETTING.match(above), line


def test_the_schema_is_one_and_knows_every_setting() -> None:
    schema = sections.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(sections.effective({})[0], schema)
    jsonschema.validate({"acme": {"http": None, "labels": None, "samplers": {"acme_widget": None}}}, schema)


@pytest.mark.parametrize(
    "document",
    [
        {"acmee": {}},
        {"acme": {"counts": 1}},
        {"acme": {"count": 0}},
        {"acme": {"count": "many"}},
        {"acme": {"samplers": {"acme_wigdet": {}}}},
        {"acme": {"samplers": {"acme_widget": {"seconds": 0}}}},
        {"acme": {"http": {"tls": {}}}},
    ],
)
def test_the_schema_refuses_what_the_program_refuses(document: Any) -> None:
    assert sections.effective(document)[1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, sections.json_schema())
