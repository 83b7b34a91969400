"""``logforest up``: the whole platform in one process; ``logforest serve``: the HTTP side alone."""

from __future__ import annotations

from pathlib import Path

import typer

_HOST = typer.Option(None, "--host", help="Address to listen on (default 127.0.0.1).")
_PORT = typer.Option(None, "--port", help="Port to listen on, 0 for any free one (default 8000).")
_DATA = typer.Option(None, "--data", help="Folder of the embedded store (logforest-data).")
_PROFILE = typer.Option(None, "--profile", help="embedded (default) or server.")
_REDIS = typer.Option(None, "--redis", help="redis:// address, for --profile server.")
_POSTGRES = typer.Option(None, "--postgres", help="postgresql:// address, for --profile server.")
_NO_AUTH = typer.Option(False, "--no-auth", help="Ask nobody for keys.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("up")(up)
    app.command("serve")(serve)


def up(
    host: str | None = _HOST,
    port: int | None = _PORT,
    data: Path | None = _DATA,
    profile: str | None = _PROFILE,
    redis: str | None = _REDIS,
    postgres: str | None = _POSTGRES,
    no_auth: bool = _NO_AUTH,
) -> None:
    """Start everything; ready when GET /health/ready answers 200. SIGTERM drains and ends."""
    _run(host, port, data, profile, redis, postgres, no_auth, workers=True)


def serve(
    host: str | None = _HOST,
    port: int | None = _PORT,
    data: Path | None = _DATA,
    profile: str | None = _PROFILE,
    redis: str | None = _REDIS,
    postgres: str | None = _POSTGRES,
    no_auth: bool = _NO_AUTH,
) -> None:
    """Start the HTTP side; with --profile server the workers are processes of their own."""
    _run(host, port, data, profile, redis, postgres, no_auth, workers=False)


def _run(
    host: str | None,
    port: int | None,
    data: Path | None,
    profile: str | None,
    redis: str | None,
    postgres: str | None,
    no_auth: bool,
    *,
    workers: bool,
) -> None:
    from logforest.serving import run
    from logforest.settings import load_settings

    settings = load_settings(
        host=host,
        port=port,
        data=data,
        profile=profile,
        redis=redis,
        postgres=postgres,
        auth=False if no_auth else None,
    )
    run(settings, workers=workers)
