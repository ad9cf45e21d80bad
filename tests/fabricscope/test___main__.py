"""`python -m fabricscope` is the command line."""

from __future__ import annotations

import subprocess
import sys


def test_runs_the_command_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "fabricscope", "version"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert result.stdout.startswith("fabricscope")
