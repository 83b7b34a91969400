"""The ``logforest`` command. Each module of this package holds one command.

A command module defines ``register(app)``; heavy imports belong inside the command's function,
so that ``logforest --help`` stays quick.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from logforest.errors import LogforestError

app = typer.Typer(
    name="logforest",
    help="Log analytics with anomaly detection.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from logforest._core import __version__

        print(f"logforest {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print it and exit."
    ),
) -> None:
    """Log analytics with anomaly detection."""


def _load_commands() -> None:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if module.name.startswith("_"):
            continue
        importlib.import_module(f"{__name__}.{module.name}").register(app)


def main() -> None:
    """Run the command line: errors are one clear line on stderr and exit code 1 (usage: 2)."""
    _load_commands()
    try:
        app()
    except (LogforestError, OSError) as error:
        print(f"logforest: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
