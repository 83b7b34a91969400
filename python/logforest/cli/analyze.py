"""``logforest analyze``: a report on log files, without a server."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logforest.analysis import Analysis

_MOST_TEMPLATES = 15


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("analyze")(analyze)


def analyze(
    files: list[str] = typer.Argument(
        ..., metavar="FILES", help="Paths, globs, or - for standard input; .gz .zst .bz2 .xz too."
    ),
    format_: str = typer.Option("auto", "--format", "-f", help="A format's name, or auto."),
    pattern: str | None = typer.Option(
        None, "--pattern", help="An RE2 expression with named groups, instead of a format."
    ),
    encoding: str | None = typer.Option(
        None, "--encoding", help="Of the bytes: latin-1, cp1252, utf-16 ...  [default: UTF-8]"
    ),
    day_first: bool = typer.Option(
        False, "--day-first", help="03/04/2025 is 3 April, not March 4."
    ),
    every: str = typer.Option("auto", "--every", help="Width of a window: 1m, 5m, 1h, auto."),
    html: Path | None = typer.Option(None, "--html", help="Write the report as one HTML file."),
    limit: int = typer.Option(40, "--limit", min=0, help="Anomalies to show (--json: all)."),
    damaged: str = typer.Option(
        "raise", "--damaged", help="Compressed data that ends early: raise an error, or keep."
    ),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Counts, windows, templates and anomalies with reasons."""
    from logforest.analysis import analyze as run

    with _progress(quiet=json_) as on_lines:
        analysis = run(
            files,
            format=format_,
            pattern=pattern,
            encoding=encoding,
            day_first=day_first,
            every=every,
            damaged=damaged,
            on_lines=on_lines,
        )
    if html is not None:
        from logforest.analysis.report import render_html

        _write(html, render_html(analysis))
    if json_:
        print(json.dumps(analysis.to_dict()))
    else:
        _show(analysis, limit)
        if html is not None:
            print(f"Report: {html}")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A line that counts, on a terminal only; on stderr, so that output can be piped."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} lines"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda lines: bar.update(task, completed=lines)


def _write(path: Path, text: str) -> None:
    """The whole report or none."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"--html {path}: there is no directory {path.parent}")
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
    ) as part:
        try:
            part.write(text)
            part.close()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(part.name, 0o666 & ~umask)
            os.replace(part.name, path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _show(analysis: Analysis, limit: int) -> None:
    """The report for a terminal; rich folds the lines, log text is made harmless before."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from logforest.analysis.text import visible

    data = analysis.to_dict()
    console = Console(highlight=False, markup=False, emoji=False)
    span = data["time_range"]
    console.print(
        f"{data['records']:,} records, {data['rejected']:,} rejected of {data['lines']:,} lines, "
        f"format {data['format']}\n{span['start']} to {span['end']}, windows of {data['every']}"
    )
    for note in data["notes"]:
        console.print(Text(f"note: {visible(note)}", style="yellow"))

    def table(title: str, names: tuple[str, ...], rows: Any, right: int = -1) -> None:
        grid = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for at, name in enumerate(names):
            grid.add_column(name, justify="right" if at == right else "left", overflow="fold")
        for row in rows:
            grid.add_row(*(Text(visible(cell)) for cell in row))
        console.print()
        console.print(grid)

    def top(counts: dict[str, int], most: int = 12) -> list[tuple[str, str]]:
        rows = [(name, f"{count:,}") for name, count in counts.items()]
        rest = sum(count for _, count in list(counts.items())[most:])
        return rows[:most] + ([("(others)", f"{rest:,}")] if rest else [])

    table("Levels", ("level", "records"), top(data["by_level"]), 1)
    table("Services", ("service", "records"), top(data["by_service"]), 1)
    if data["by_status"]:
        table("Status", ("status", "records"), top(data["by_status"]), 1)
    rows = [(f"{t['count']:,}", t["template"]) for t in data["templates"][:_MOST_TEMPLATES]]
    table(f"Templates ({len(data['templates']):,})", ("records", "template"), rows, 0)
    found = data["anomalies"]
    strongest = sorted(found, key=lambda row: -row["anomaly_score"])[:limit]
    shown = f", the strongest {len(strongest)}" if len(strongest) < len(found) else ""
    console.print(f"\nAnomalies ({len(found):,}{shown})")
    for row in sorted(strongest, key=lambda row: row["timestamp"]):
        style = "bold red" if row["severity"] in {"high", "critical"} else "bold"
        console.print(
            Text(f"{row['timestamp'][:19]}  {visible(row['service'])}  "),
            Text(f"{row['severity']} {row['kind'].replace('_', ' ')}", style=style),
            sep="",
        )
        console.print(Text(f"    {visible(row['reason'])}"))
