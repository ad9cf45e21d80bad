"""Completion scripts are those of the shell, and what they call answers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fabricscope.completion import SHELLS, VARIABLE, completion


@pytest.mark.parametrize("shell", SHELLS)
def test_prints_a_script_that_asks_this_program(shell: str) -> None:
    result = CliRunner().invoke(completion, [shell])
    assert result.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in result.output


def test_an_unknown_shell_is_refused_with_those_that_are_known() -> None:
    result = CliRunner().invoke(completion, ["tcsh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output


def test_the_program_answers_what_the_script_asks() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from fabricscope.cli import cli; cli(prog_name='fabricscope')"],
        env={**os.environ, VARIABLE: "bash_complete", "COMP_WORDS": "fabricscope comp", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain,completion" in answer.stdout.splitlines()


def test_bash_takes_the_script() -> None:
    script = CliRunner().invoke(completion, ["bash"]).output
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
