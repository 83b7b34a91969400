"""``logforest query``: records from a running service or from a store."""

from __future__ import annotations

import sys
from typing import Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("query")(query)


def query(
    words: str = typer.Argument("", help='Words that must all occur; "a phrase" stays together.'),
    q: str = typer.Option("", "--q", "-q", help="The same, as an option."),
    level: list[str] = typer.Option([], "--level", help="May be given several times."),
    service: list[str] = typer.Option([], "--service"),
    source: list[str] = typer.Option([], "--source"),
    category: list[str] = typer.Option([], "--category"),
    status: str | None = typer.Option(None, "--status", help="404, 400-499 or 5xx."),
    since: str | None = typer.Option(None, "--since", help="2026-01-31T12:00:00Z, or 15m ago."),
    until: str | None = typer.Option(None, "--until"),
    limit: int = typer.Option(100, "--limit", "-n", min=0, help="At most this many."),
    url: str | None = typer.Option(
        None, "--url", envvar="LOGFOREST_URL", help="A running service (http://127.0.0.1:8000)."
    ),
    data: str | None = typer.Option(
        None, "--data", help="A store instead: its folder, a .duckdb file or postgresql://."
    ),
    json_: bool = typer.Option(False, "--json", help="Print one JSON object a record."),
    csv: bool = typer.Option(False, "--csv", help="Print CSV; formulas are defused."),
) -> None:
    """Print records, newest first."""
    from logforest.errors import ConfigError

    if url is not None and data is not None:
        raise ConfigError("give --url or --data, not both")
    if json_ and csv:
        raise ConfigError("give --json or --csv, not both")
    filters = {
        "q": f"{words} {q}".strip(), "level": level, "service": service, "source": source,
        "category": category, "status": status, "since": since, "until": until,
    }  # fmt: skip
    form = "csv" if csv else "ndjson"
    if data is not None:
        body = _from_store(data, filters, limit, form)
    else:
        body = _from_service(url or "http://127.0.0.1:8000", filters, limit, form)
    if json_ or csv:
        sys.stdout.buffer.write(body)
    else:
        _print(body)


def _from_service(url: str, filters: dict[str, Any], limit: int, form: str) -> bytes:
    from logforest.http_client import Client

    parameters = {name: value for name, value in filters.items() if value}
    pages = list(Client(url).pages("/api/v1/logs", {**parameters, "format": form}, limit))
    if form == "csv":  # one head is enough
        pages[1:] = [page.partition(b"\n")[2] for page in pages[1:]]
    return b"".join(pages)


def _from_store(address: str, filters: dict[str, Any], limit: int, form: str) -> bytes:
    from pathlib import Path

    import logforest
    from logforest import _core
    from logforest.errors import ConfigError
    from logforest.stores.base import LogQuery
    from logforest.values import parse_time, status_range

    if "://" not in address:
        path = Path(address)
        path = path / "logs.duckdb" if path.is_dir() else path
        if not path.is_file():
            raise ConfigError(f"--data {address}: there is no store; `logforest up` makes one")
        address = str(path)
    low, high = status_range(filters["status"])
    with logforest.open(address) as store:
        found = store.logs(
            LogQuery(
                q=filters["q"] or None,
                level=filters["level"],
                service=filters["service"],
                source=filters["source"],
                category=filters["category"],
                status_min=low,
                status_max=high,
                since=parse_time("since", filters["since"]),
                until=parse_time("until", filters["until"]),
                limit=limit,
            )
        )
    render = _core.render_csv if form == "csv" else _core.render_ndjson
    return render(found._core)


def _print(body: bytes) -> None:
    import orjson
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    colours = {"DEBUG": "dim", "WARN": "yellow", "ERROR": "red", "CRITICAL": "bold magenta"}
    for line in body.splitlines():
        record = orjson.loads(line)
        text = Text(f"{record['timestamp'][:23]:<23} ")
        text.append(f"{record['level']:<8} ", colours.get(record["level"], "blue"))
        text.append(f"{record['service'] or '-':<12} ", "cyan")
        # Log text must not drive the terminal.
        text.append("".join(c if c.isprintable() or c == " " else "·" for c in record["message"]))
        console.print(text)
