"""``logforest queue``: what waits, and what could not be processed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logforest.cli._servers import Json, Redis, redis_log
from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest.queues.redis_streams import RedisLog

_All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]
_Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `queue dead list` shows them.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="The queue of the server profile.", no_args_is_help=True)
    group.command("status")(status)
    dead = typer.Typer(help="Entries that could not be processed.", no_args_is_help=True)
    dead.command("list")(dead_list)
    dead.command("retry")(dead_retry)
    dead.command("drop")(dead_drop)
    group.add_typer(dead, name="dead")
    app.add_typer(group, name="queue")


def status(redis: Redis = None, json_: Json = False) -> None:
    """Entries, bytes, and for each group what it has not yet acknowledged."""
    queue = redis_log(redis)
    report: dict[str, Any] = queue.status() | {"warnings": queue.check()}
    if json_:
        print(json.dumps(report))
        return
    print(
        f"{report['entries']} entries, {report['bytes']} bytes, "
        f"{report['dead_letters']} dead letters"
    )
    for name, group in report["groups"].items():
        print(
            f"{name}: {group['waiting_entries']} entries ({group['waiting_records']} records) "
            f"wait, "
            f"{group['pending_entries']} being worked on by {group['consumers']} consumers"
        )
    for warning in report["warnings"]:
        print(f"warning: {warning}")


def dead_list(redis: Redis = None, limit: int = 100, json_: Json = False) -> None:
    """The oldest dead letters with their reasons."""
    letters = redis_log(redis).dead_letters(limit)
    if json_:
        rows = [
            {"id": d.id, "group": d.group, "entry": d.entry, "reason": d.reason,
             "deliveries": d.deliveries, "records": d.records, "trace": d.trace,
             "data": d.data[:500].decode("utf-8", "replace")}
            for d in letters
        ]  # fmt: skip
        print(json.dumps(rows))
        return
    for d in letters:
        # Log text is hostile: no control characters reach the terminal.
        reason = "".join(c if c.isprintable() else "?" for c in d.reason)
        print(f"{d.id}  {d.group}  {d.records} records, {d.deliveries} deliveries: {reason[:300]}")
    if not letters:
        print("no dead letters")


def _chosen(queue: RedisLog, ids: list[str] | None, every: bool) -> list[str]:
    if bool(ids) == every:
        raise ConfigError("name the dead letters, or give --all")
    if ids:
        return ids
    out: list[str] = []
    after = "-"
    while letters := queue.dead_letters(1000, after):
        out += [d.id for d in letters]
        after = letters[-1].id
    return out


def _for_each(redis: str | None, ids: list[str] | None, every: bool, verb: str) -> None:
    queue = redis_log(redis)
    act = queue.revive if verb == "retried" else queue.drop
    chosen = _chosen(queue, ids, every)
    unknown = [i for i in chosen if not act(i)]
    print(f"{verb} {len(chosen) - len(unknown)} of {len(chosen)}")
    if unknown:
        raise ConfigError(f"no such dead letter: {', '.join(unknown[:10])}")


def dead_retry(ids: _Ids = None, redis: Redis = None, all_: _All = False) -> None:
    """Put dead letters back into the queue, with their ids and keys."""
    _for_each(redis, ids, all_, "retried")


def dead_drop(ids: _Ids = None, redis: Redis = None, all_: _All = False) -> None:
    """Forget dead letters for ever."""
    _for_each(redis, ids, all_, "dropped")
