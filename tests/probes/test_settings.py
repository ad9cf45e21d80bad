from __future__ import annotations

from typing import Any

import pytest

from fabricscope import plugins
from fabricscope.settings import SettingsError, convert
from probes.settings import ProbeSettings, exporter_settings, made_samplers, sampler_settings
from tests.fixtures.samplers import FakeSampler, Maker, install

TLS = {"cert_file": "/a", "key_file": "/b", "ca_file": "/c"}


def settings(**values: Any) -> ProbeSettings:
    return convert(values, ProbeSettings, "probe")


def test_an_empty_file_is_a_working_configuration() -> None:
    assert settings() == ProbeSettings()
    assert settings().collectors == ()
    assert settings().http.listen == ":7452"


@pytest.mark.parametrize("name", ["n1", "node7.rack-3.example", "A_b", "x" * 253])
def test_host_names_that_are_taken(name: str) -> None:
    assert settings(host=name).host == name


@pytest.mark.parametrize("name", ["-n1", "n1.", "a b", "n/1", "x" * 254, "ü"])
def test_host_names_that_are_not(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^probe\.host: "):
        settings(host=name)


def test_plain_text_is_for_loopback_or_when_asked_for() -> None:
    settings(collectors=["127.0.0.1:7450", "[::1]:7450", "localhost:7450"])
    settings(collectors=["collector.example:7450"], plaintext=True)
    settings(collectors=["collector.example:7450"], tls=TLS)
    with pytest.raises(SettingsError, match=r"'collector\.example:7450' is not loopback and no TLS is set up; add"):
        settings(collectors=["127.0.0.1:7450", "collector.example:7450"])


@pytest.mark.parametrize("address", ["collector", "collector:", "collector:99999", "a:b:1"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(SettingsError, match="collectors: "):
        settings(collectors=[address], plaintext=True)


def test_an_address_without_a_host_is_none_to_connect_to() -> None:
    with pytest.raises(SettingsError, match="collectors: ':7450' names no host"):
        settings(collectors=[":7450"], plaintext=True)


@pytest.mark.parametrize("name", ["1st", "__name", "a-b", "", "x" * 201])
def test_label_names_that_no_collector_takes(name: str) -> None:
    with pytest.raises(SettingsError, match=r"probe\.labels"):
        settings(labels={name: "x"})


def test_labels_are_bounded() -> None:
    assert settings(labels={"cluster": "a", "rack": "r 7"}).labels["rack"] == "r 7"
    with pytest.raises(SettingsError, match=r"probe\.labels"):
        settings(labels={f"l{number}": "x" for number in range(33)})
    with pytest.raises(SettingsError, match=r"probe\.labels"):
        settings(labels={"rack": "x" * 5000})


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="'colectors' is not a known setting; did you mean 'collectors'"):
        settings(colectors=[])


def test_settings_of_samplers_and_exporters_are_theirs() -> None:
    assert sampler_settings(settings(samplers={"pcie": {"interval_seconds": 7}}))["pcie"].interval_seconds == 7
    assert sampler_settings(settings())["ethernet"].enabled
    assert exporter_settings(settings(exporters={"prometheus": {"enabled": False}}))["prometheus"].enabled is False
    with pytest.raises(SettingsError, match=r"probe\.samplers\.pcie: .* did you mean 'interval_seconds'"):
        sampler_settings(settings(samplers={"pcie": {"interval_second": 7}}))


# --- made_samplers


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeSampler]:
    fakes = {name: FakeSampler(lambda _: []) for name in ("one", "two", "probe")}
    broken = {"wont_load": ImportError("no module"), "wont_start": Maker(TypeError("its own bug"))}
    install(monkeypatch, plugins.SAMPLERS, {**fakes, **broken})
    return fakes


def made(names: tuple[str, ...] = (), **samplers: Any) -> dict[str, Any]:
    return dict(made_samplers(settings(samplers=samplers), names))


def test_every_enabled_sampler_is_made_and_the_rest_explained(installed: dict[str, FakeSampler]) -> None:
    found = made(two={"enabled": False})
    assert found.pop("one") is installed["one"]
    assert "two" not in found
    assert "no module" in found.pop("wont_load")
    assert found.pop("wont_start") == "TypeError: its own bug"
    assert "taken by what the probe says of itself" in found.pop("probe")
    assert not found


def test_those_that_are_named_are_made_even_when_switched_off(installed: dict[str, FakeSampler]) -> None:
    assert made(("two",), two={"enabled": False}) == {"two": installed["two"]}
