from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Severity
from fabricscope.settings import SettingsError, convert
from probes.recorder.settings import RecorderSettings, severity


def test_an_empty_section_is_a_working_one() -> None:
    settings = convert({}, RecorderSettings, "probe.recorder")
    assert settings == RecorderSettings()
    assert settings.journal == Path("/var/lib/fabricscope/evidence.fsrec")
    assert settings.recordings == Path("/var/lib/fabricscope/recordings")
    assert severity(settings.flight.min_severity) is Severity.WARNING


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"directory": ""}, "directory"),
        ({"evidence": {"max_bytes": 1}}, "evidence.max_bytes"),
        ({"flight": {"min_severity": "loud"}}, "flight.min_severity"),
        ({"flight": {"max_recordings": 0}}, "flight.max_recordings"),
    ],
)
def test_what_does_not_fit_is_named(document: dict[str, object], key: str) -> None:
    with pytest.raises(SettingsError, match=f"probe.recorder.{key}: "):
        convert(document, RecorderSettings, "probe.recorder")
