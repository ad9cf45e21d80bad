from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from probes.flows.language.commands import rules
from tests.probes.flows.language.made import written

RULES = r"""rules:
  hello-there:
    summary: says hello
    transport: [tcp, udp]
    confidence: 0.9
    client: '^HOWDY'
    cases:
      - name: hello
        client: 'HOWDY you\r\n'
      - name: something else
        client: 'EHLO you'
        expect: none
"""


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, list(map(str, arguments)))


def test_check(tmp_path: Path) -> None:
    file = written(tmp_path, RULES)
    result = invoke("check", file)
    assert result.exit_code == 0
    assert result.output.endswith("policies: nothing is wrong\n")
    written(tmp_path, RULES.replace("'^HOWDY'", "'^HOWDY('"))
    result = invoke("check", tmp_path)
    assert result.exit_code == 1
    assert result.output == f"{file}:6: hello-there.client[0].match[0]: '^HOWDY(': character 8: `(` without `)`\n"
    (problem,) = json.loads(invoke("check", file, "--json").output)
    assert (problem["file"], problem["line"]) == (str(file), 6)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    result = invoke("check", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert "no such file or folder" in result.output


def test_cases(tmp_path: Path) -> None:
    file = written(tmp_path, RULES)
    result = invoke("test", file)
    assert result.exit_code == 0, result.output
    assert result.output.endswith(" 0 failed\n")
    written(tmp_path, RULES.replace("EHLO", "HOWDY"))
    result = invoke("test", file)
    assert result.exit_code == 1
    line, last = result.output.splitlines()
    assert line.startswith(
        f"{file}:10: hello-there: case 'something else': expected none, came out as hello-there (hello-there, 0.90), "
        "by client matches ^HOWDY at 0: 484f574459 |HOWDY|"
    )
    assert last.endswith("1 failed")
    written(tmp_path, RULES.replace("0.9", "9"))
    assert invoke("test", file).exit_code == 1


def test_list(tmp_path: Path) -> None:
    file = written(tmp_path, RULES)
    result = invoke("list", file)
    assert "hello-there" in result.output
    (row,) = [row for row in json.loads(invoke("list", file, "--json").output)["rules"] if row["name"] == "hello-there"]
    assert row == {
        "name": "hello-there",
        "label": "hello-there",
        "summary": "says hello",
        "transport": ["tcp", "udp"],
        "ports": [],
        "confidence": 0.9,
        "refines": [],
        "extract": None,
        "cases": 2,
        "file": str(file),
    }
    assert invoke("list", "--extractors").exit_code == 0


def test_what_is_shipped_is_right() -> None:
    result = invoke("check")
    assert result.exit_code == 0, result.output
