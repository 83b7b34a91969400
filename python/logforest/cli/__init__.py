"""The ``logforest`` command. Each module of this package holds one command.

A command module defines ``register(app)``; heavy imports belong inside the command's function,
so that ``logforest --help`` stays quick.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import threading
from contextlib import suppress

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


def _in_words(error: OSError) -> str:
    """``[Errno 21] Is a directory: 'logs'`` for people."""
    if error.errno is None:
        return str(error)
    if error.filename is None:
        return error.strerror or str(error)
    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    if isinstance(error, IsADirectoryError):
        return f"{name}: Is a directory; name its files, like '{str(name).rstrip('/')}/*'"
    if isinstance(error, FileExistsError):  # of mkdir
        return f"{name}: File exists; a directory is wanted"
    return f"{name}: {error.strerror or error}"


def main() -> None:
    """Run the command line: errors are one clear line on stderr and exit code 1 (usage: 2)."""
    _load_commands()
    try:
        app()
    except OSError as error:
        print(f"logforest: {_in_words(error)}", file=sys.stderr)
        sys.exit(1)
    except LogforestError as error:
        print(f"logforest: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        _leave(130)
    except SystemExit as done:  # of click, which sees a Ctrl-C first
        if done.code == 130:
            _leave(130)
        raise


def _leave(code: int) -> None:
    """Exit; a thread that waits for input is not waited for."""
    if any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
