"""`fabricscope completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from fabricscope.cli import cli

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_FABRICSCOPE_COMPLETE"
"""Where click looks for the shell's question when `fabricscope` runs."""


@click.command(short_help="Print a script that makes your shell complete commands and options.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands and options.

    \b
    bash:  fabricscope completion bash > ~/.local/share/bash-completion/completions/fabricscope
    zsh:   fabricscope completion zsh > ~/.zfunc/_fabricscope
           (with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc)
    fish:  fabricscope completion fish > ~/.config/fish/completions/fabricscope.fish

    Make the directory if it is not there; a new shell completes.
    """  # noqa: D301  click wants the character, not the escape
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"this click has no completion for {shell}; known: {', '.join(SHELLS)}")
    click.echo(kind(cli, {}, "fabricscope", VARIABLE).source())
