"""``logforest doctor``: what was built and installed, and whether ``logforest up`` can run here."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import typer

from logforest.errors import LogforestError

_PACKAGES = ("numpy", "pyarrow", "duckdb", "fastapi", "uvicorn", "httptools", "uvloop")
_FREE_BYTES = 1 << 30


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor")(doctor)


def doctor(
    data: Path | None = typer.Option(None, "--data", help="The folder that `up` would use."),
    host: str = typer.Option("127.0.0.1", "--host"),
    port: int | None = typer.Option(None, "--port", help="The port that `up` would use."),
    redis: str | None = typer.Option(None, "--redis", envvar="LOGFOREST_REDIS"),
    postgres: str | None = typer.Option(None, "--postgres", envvar="LOGFOREST_POSTGRES"),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the build, the libraries and the machine; check what is named. 1 if anything fails."""
    facts = _facts()
    checks: list[tuple[str, Callable[[], str]]] = [("packages", lambda: _packages(facts))]
    if data is not None:
        checks += [("disk", lambda: _disk(data)), ("store", lambda: _store(data))]
    if port is not None:
        checks.append(("port", lambda: _port(host, port)))
    if redis:
        checks.append(("redis", lambda: _redis(redis)))
    if postgres:
        checks.append(("postgres", lambda: _postgres(postgres)))
    results = [{"check": name, **_outcome(check)} for name, check in checks]
    if json_:
        print(json.dumps({**facts, "checks": results}, indent=2))
    else:
        width = max(len(key) for key in facts)
        for key, value in facts.items():
            print(f"{key:<{width}}  {'missing' if value is None else value}")
        for result in results:
            print(f"{'ok' if result['ok'] else 'FAILED':<{width}}  {result['detail']}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _outcome(check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ok": True, "detail": check()}
    except (LogforestError, OSError) as error:
        return {"ok": False, "detail": str(error)}


def _facts() -> dict[str, object]:
    from logforest import build_info

    facts: dict[str, object] = dict(build_info())
    facts["python"] = platform.python_version()
    facts["cores"] = len(os.sched_getaffinity(0))
    facts["memory_mb"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    for name in _PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = None
    return facts


def _packages(facts: dict[str, object]) -> str:
    missing = [name for name in _PACKAGES if facts[name] is None]
    if missing:
        raise OSError(f"not installed: {', '.join(missing)}; pip install them")
    return "every package that the service needs is installed"


def _existing(path: Path) -> Path:
    """The path or the nearest folder above it that is there."""

    def upwards() -> Iterator[Path]:
        yield path.absolute()
        yield from path.absolute().parents

    return next(p for p in upwards() if p.exists())


def _disk(data: Path) -> str:
    at = _existing(data)
    if not at.is_dir() or not os.access(at, os.W_OK | os.X_OK):
        raise OSError(f"{at} is no folder that can be written to; choose another --data")
    free = shutil.disk_usage(at).free
    if free < _FREE_BYTES:
        raise OSError(f"{free >> 20} MB free below {at}: make room, a day of logs takes more")
    return f"{free >> 30} GB free below {at}"


def _store(data: Path) -> str:
    import logforest

    file = data / "logs.duckdb"
    if not file.exists():
        return f"{file} will be made"
    with logforest.open(str(file)) as store:
        rows = store.sql("SELECT count(*) AS n FROM logs")["n"][0].as_py()
    return f"{file} opens: {rows:,} records"


def _port(host: str, port: int) -> str:
    from logforest.serving import listen

    listen(host, port).close()
    return f"port {port} on {host} is free"


def _redis(url: str) -> str:
    from logforest.queues.redis_streams import RedisLog

    log = RedisLog(url)
    try:
        problems = log.check()
    finally:
        log.close()
    if problems:
        raise OSError("; ".join(problems))
    return "Redis answers and keeps what it acknowledges"


def _postgres(dsn: str) -> str:
    from logforest._core import PgClient
    from logforest.stores import postgres_schema

    session = PgClient(dsn, pool_size=1, name="logforest-doctor").session()
    postgres_schema.check(session)
    return "Postgres answers, its schema is up to date"
