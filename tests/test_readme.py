"""The README names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fabricscope import plugins

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(path for path in ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")) + [ROOT / "deploy/README.md"]


def test_every_sampler_and_command_has_a_row() -> None:
    text = (ROOT / "README.md").read_text()
    for sampler in plugins.found(plugins.SAMPLERS):
        assert f"\n| `{sampler}` |" in text
    for command in plugins.found(plugins.COMMANDS):
        assert f"\n| `fabricscope {command}` |" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target
