"""``logforest formats``: which formats are known, and what they make of a file."""

from __future__ import annotations

import json
from typing import Any

import typer

_FIELDS = (
    "timestamp", "level", "service", "source", "message", "endpoint", "method", "status_code",
    "response_time", "ip_address", "user_id", "trace_id", "span_id",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    group = typer.Typer(help="Formats of logs.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("test")(try_file)
    app.add_typer(group, name="formats")


def list_(json_: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the formats that are known."""
    from logforest import list_formats

    entries = list_formats()
    if json_:
        print(json.dumps(entries))
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        print(f"{entry['name']:<{width}}  {entry['description']}")


def show(
    name: str = typer.Argument(help="A format's name."),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show one format: patterns and samples where it is made of patterns."""
    from dataclasses import asdict
    from pathlib import Path

    from logforest import ConfigError, formats, list_formats

    known = {entry["name"]: entry for entry in list_formats()}
    if name not in known:
        raise ConfigError(f"unknown format {name!r}: use one of {', '.join(known)}")
    entry = known[name]
    for file in sorted(Path(formats.__file__).parent.glob("*.yaml")):
        for spec in formats.read_specs(file):
            if spec.name == name:
                entry |= asdict(spec)
    if json_:
        print(json.dumps(entry, default=str))
        return
    for key, value in entry.items():
        if isinstance(value, (list, tuple)):
            print(f"{key}:")
            for item in value:
                print(f"  {item}")
        elif value not in ({}, ""):
            print(f"{key}: {value}")


def try_file(
    file: str = typer.Argument(help="A log file, compressed or not; - for standard input."),
    format_: str = typer.Option("auto", "--format", help="A format's name."),
    pattern: str = typer.Option("", "--pattern", help="An RE2 pattern with named groups."),
    limit: int = typer.Option(5, "--lines", "-n", min=0, help="Records to show field by field."),
    rejects: int = typer.Option(10, "--rejects", min=0, help="Rejected lines to explain."),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what a file is read as, field by field, and why lines were rejected."""
    from logforest import read_logs

    logs = read_logs(file, format="regex" if pattern else format_, pattern=pattern or None)
    report: dict[str, Any] = {
        "file": file,
        "format": logs.format,
        "counts": dict(logs.counts),
        "records": [_fields(row) for row in logs.head(limit).to_arrow().to_pylist()],
        "rejected": [_explain(row) for row in logs.rejected.slice(0, rejects).to_pylist()],
    }
    if json_:
        print(json.dumps(report, default=str))
    else:
        _print(report)


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: row[name] for name in _FIELDS if row[name] is not None}
    if row["metadata"]:
        fields |= {f"metadata.{k}": v for k, v in json.loads(row["metadata"]).items()}
    return fields


def _explain(row: dict[str, Any]) -> dict[str, Any]:
    """A rejected line with what each format says to it."""
    from logforest import _core

    tried = _core.try_formats(row["text"].encode("utf-8", "replace"), _core.ParseOptions())
    found = _core.detect_format(row["text"].encode("utf-8", "replace"))
    detected = found[0] if found else None
    # Plain text takes everything, logfmt any words: only what detection agrees with is a hint.
    names = [
        name
        for name, reason in tried
        if reason is None and (name not in ("plain", "logfmt") or name == detected)
    ]
    return row | {"formats_that_would_match": names}


def _print(report: dict[str, Any]) -> None:
    from logforest.cli._terminal import safe

    counts = ", ".join(f"{value} {key}" for key, value in report["counts"].items() if value)
    print(f"{safe(report['file'])}: {report['format']} ({counts or 'empty'})")
    for number, fields in enumerate(report["records"], 1):
        print(f"\nrecord {number}")
        width = max(len(name) for name in fields)
        for name, value in fields.items():
            shown = value.isoformat() if hasattr(value, "isoformat") else str(value)
            print(f"  {safe(name):<{width}}  {safe(shown)}")
    if report["rejected"]:
        print(f"\nrejected: {report['counts']['rejected']} lines")
    for row in report["rejected"]:
        where = f"{safe(row['file'])}: " if row["file"] not in (None, report["file"]) else ""
        print(f"  {where}line {row['line']} (byte {row['offset']}): {row['reason']}")
        print(f"    {safe(row['text'][:200])}")
        others = ", ".join(row["formats_that_would_match"])
        print(f"    formats that would take it: {others or 'none'}")
