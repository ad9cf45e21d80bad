"""`fabricscope version`: what runs here, for bug reports."""

from __future__ import annotations

import platform
from importlib import metadata

import click

import fabricscope
from fabricscope import plugins
from fabricscope.codec import PROTOCOL

PACKAGES = ("grpcio", "protobuf", "chdb")
"""Those whose version explains most trouble."""


@click.command(short_help="Print the version of this program and of what it runs on.")
def version() -> None:
    """Print the version of this program and of what it runs on.

    `engine` is `rust` where the native module was built, `python` where its plain-Python twin serves.
    """
    for name, value in lines():
        click.echo(f"{name:<12} {value}")


def lines() -> list[tuple[str, str]]:
    """What is printed, as names and values."""
    own = [
        ("fabricscope", fabricscope.__version__),
        ("protocol", str(PROTOCOL)),
        ("python", f"{platform.python_version()} ({platform.system()} {platform.release()}, {platform.machine()})"),
    ]
    return own + [(name, str(value)) for name, value in plugins.loaded(plugins.ABOUT)] + _packages()


def _packages() -> list[tuple[str, str]]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "not installed"))
    return found
