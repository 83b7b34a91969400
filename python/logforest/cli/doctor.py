"""``logforest doctor``: what was built, what is installed, what is missing."""

from __future__ import annotations

import json
import platform
from importlib import metadata

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor")(doctor)


def doctor(json_: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Show the build, the libraries and the machine."""
    from logforest import build_info

    report: dict[str, object] = dict(build_info())
    report["python"] = platform.python_version()
    for name in ("numpy", "pyarrow", "duckdb", "fastapi", "uvicorn"):
        try:
            report[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            report[name] = None
    if json_:
        print(json.dumps(report, indent=2))
        return
    width = max(len(key) for key in report)
    for key, value in report.items():
        print(f"{key:<{width}}  {'missing' if value is None else value}")
