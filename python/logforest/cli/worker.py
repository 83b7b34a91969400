"""``logforest worker``: the processes of the server profile."""

from __future__ import annotations

import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logforest.cli._servers import Json, Postgres, Redis, redis_log
from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest.settings import Settings

_ROLES = ("store", "detect", "alert", "insight")
_STALE_SECONDS = 20.0

_Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes of this role.")]
_Batch = Annotated[int, typer.Option(min=1, help="Records in one transaction, about.")]
_Retries = Annotated[int, typer.Option(min=1, help="Deliveries before the dead letters.")]
_Claim = Annotated[float, typer.Option(min=0.2, help="Silence after which a peer is dead, s.")]
_Grace = Annotated[float, typer.Option(min=0.1, help="Time to finish at the end, s.")]
_Health = Annotated[int | None, typer.Option(help="Port for probes (supervisor).")]
_HealthHost = Annotated[str, typer.Option(help="Address of that port.")]
_Pause = Annotated[float, typer.Option(min=0.0, help="Longest pause before a restart, s.")]
_Child = Annotated[bool, typer.Option("--child", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Run and check worker processes.", no_args_is_help=True)
    for role in (*_ROLES, "all"):
        group.command(role, help=f"Run {role} workers until SIGTERM.")(_runner(role))
    group.command("check")(check)
    app.add_typer(group, name="worker")


def _runner(role: str) -> Any:
    def run(
        redis: Redis = None,
        postgres: Postgres = None,
        workers: _Workers = 1,
        batch_size: _Batch = 10_000,
        max_retries: _Retries = 5,
        claim_after: _Claim = 30.0,
        grace: _Grace = 30.0,
        restart_pause: _Pause = 30.0,
        health_port: _Health = None,
        health_host: _HealthHost = "127.0.0.1",
        child: _Child = False,
    ) -> None:
        from logforest.settings import load_settings

        settings = load_settings(redis=redis, postgres=postgres)
        _need_servers(settings)
        if child:
            _work(role, settings, batch_size, max_retries, claim_after)
            return
        from logforest.workers.supervisor import Supervisor, addresses, worker_commands

        commands = worker_commands(
            _ROLES if role == "all" else (role,),
            workers,
            "--batch-size", str(batch_size), "--max-retries", str(max_retries),
            "--claim-after", str(claim_after),
        )  # fmt: skip
        logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
        raise typer.Exit(
            Supervisor(
                commands,
                environment=addresses(settings),
                grace=grace,
                longest_pause=restart_pause,
                health_port=health_port,
                health_host=health_host,
            ).run()
        )

    return run


def _need_servers(settings: Settings) -> None:
    missing = [f"--{n}" for n in ("redis", "postgres") if getattr(settings, n) is None]
    if missing:
        raise ConfigError(f"the server profile needs {' and '.join(missing)} (or LOGFOREST_*)")


def _work(
    role: str, settings: Settings, batch_size: int, max_retries: int, claim_after: float
) -> None:
    from logforest.workers.run import make_worker

    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        if worker is not None:
            worker.stop()

    worker: Any = None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    worker = make_worker(
        role, settings, batch_size=batch_size, max_retries=max_retries, claim_after=claim_after,
        ended=lambda: ended,
    )  # fmt: skip
    if worker is None or ended:
        return
    worker.run()


def check(
    redis: Redis = None,
    json_: Json = False,
) -> None:
    """Which workers live, and how far they are. Exit code 1 when none lives or one is stale."""
    from logforest.workers.base import heartbeat_key

    queue = redis_log(redis)
    flat = queue.client.command("HGETALL", heartbeat_key(queue.stream))
    rows = []
    for name, raw in zip(flat[::2], flat[1::2], strict=True):
        state = json.loads(raw)
        age = time.time() - state["at"]
        if age > 3600:  # long dead
            queue.client.command("HDEL", heartbeat_key(queue.stream), name)
            continue
        rows.append(
            {"name": name.decode(), "age": round(age, 1), "ok": age < _STALE_SECONDS} | state
        )
    rows.sort(key=lambda r: (r["group"], r["name"]))
    if json_:
        print(json.dumps({"workers": rows, "groups": queue.status()["groups"]}))
    else:
        for r in rows:
            print(
                f"{r['group']:<8} {r['name']:<40} {'ok' if r['ok'] else 'SILENT'} "
                f"{r['age']:.0f} s ago  {r.get('records', 0)} records  {r['error'] or ''}"
            )
    if not rows or not all(r["ok"] for r in rows):
        raise typer.Exit(1)
