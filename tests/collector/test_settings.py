"""The collector's section: an empty one works, and what is wrong is named by its key."""

from __future__ import annotations

from typing import Any

import pytest

from collector.settings import CollectorSettings, exporter_settings
from exporters.prometheus import PrometheusSettings
from fabricscope.settings import SettingsError, convert
from fabricscope.tls import is_loopback, split_address


def settings(**section: Any) -> CollectorSettings:
    return convert(section, CollectorSettings, "collector")


def test_an_empty_section_works_and_listens_on_loopback_alone() -> None:
    empty = settings()
    for listen in (empty.grpc.listen, empty.http.listen):
        assert is_loopback(split_address(listen, "listen")[0])
    assert empty.store.dsn is None


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"data_dri": "/srv"}, "collector: 'data_dri' is not a known setting; did you mean 'data_dir'?"),
        ({"state": {"max_hosts": 0}}, "collector.state.max_hosts: 0 does not fit"),
        ({"grpc": {"listen": ":7450"}}, "collector.grpc: listen"),
        ({"store": {"dsn": "ftp://there"}}, "collector.store: dsn begins with 'ftp:'"),
        ({"exporters": {"prometheus": 7}}, "collector.exporters.prometheus"),
    ],
)
def test_an_error_names_the_key(section: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**section)
    assert str(caught.value).startswith(message)


def test_every_installed_exporter_has_settings_named_or_not() -> None:
    assert exporter_settings(settings())["prometheus"] == PrometheusSettings()
    named = settings(exporters={"prometheus": {"max_waiting_scrapes": 3}})
    assert exporter_settings(named)["prometheus"] == PrometheusSettings(max_waiting_scrapes=3)


@pytest.mark.parametrize(
    ("exporters", "message"),
    [
        ({"promotheus": {}}, r"collector\.exporters: 'promotheus' is not .* did you mean 'prometheus'"),
        ({"prometheus": {"max_waiting_scrapes": 0}}, r"collector\.exporters\.prometheus\.max_waiting_scrapes: 0"),
    ],
)
def test_an_exporter_that_is_not_installed_or_misconfigured_is_named(exporters: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        exporter_settings(settings(exporters=exporters))
