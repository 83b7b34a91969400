"""``logforest retention``: how long records are kept (server profile)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from logforest.cli._servers import Json, Postgres, postgres_client
from logforest.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from logforest._core import PgSession

_Tenant = Annotated[str, typer.Option(help="Only this tenant's records.")]
_Level = Annotated[str, typer.Option(help="Only records of this level.")]
_Days = Annotated[int, typer.Argument(min=1, help="Days, counted from a record's own time.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Rules of how long records are kept; the most specific one decides.",
        no_args_is_help=True,
    )
    group.command("list")(list_rules)
    group.command("set")(set_rule)
    group.command("drop")(drop_rule)
    group.command("run")(run)
    app.add_typer(group, name="retention")


def _session(postgres: str | None) -> PgSession:
    from logforest.stores import postgres_schema

    session = postgres_client(postgres, "retention").session()
    postgres_schema.check(session)
    return session


def _name(tenant: str | None, level: str | None) -> str:
    return f"tenant {tenant or 'any'}, level {level or 'any'}"


def list_rules(postgres: Postgres = None, json_: Json = False) -> None:
    """The rules; without any, everything is kept for ever."""
    import pyarrow as pa

    from logforest.sql import statement

    session = _session(postgres)
    rules = pa.table(session.query(statement("postgres", "list_retention"))).to_pylist()
    if json_:
        print(json.dumps(rules))
        return
    for rule in rules:
        print(f"{_name(rule['tenant'], rule['level'])}: {rule['days']} days")
    if not rules:
        print("no rules: everything is kept")


def set_rule(
    days: _Days, tenant: _Tenant = "", level: _Level = "", postgres: Postgres = None
) -> None:
    """Keep records for so many days; without --tenant and --level: all records."""
    _change(postgres, "set_retention", [days, tenant, level.upper()])
    print(f"{_name(tenant, level.upper())}: {days} days")


def drop_rule(tenant: _Tenant = "", level: _Level = "", postgres: Postgres = None) -> None:
    """Forget a rule; less specific ones then decide."""
    if not _change(postgres, "drop_retention", [tenant, level.upper()]):
        raise ConfigError(f"there is no rule for {_name(tenant, level.upper())}")
    print(f"{_name(tenant, level.upper())}: dropped")


def _change(postgres: str | None, name: str, parameters: list[object]) -> int:
    import pyarrow as pa

    from logforest.sql import statement

    try:
        rows: int = pa.table(
            _session(postgres).query(statement("postgres", name), parameters)
        ).num_rows
    except StoreError as error:
        if error.code == "22P02":  # no such value of log_level
            raise ConfigError(f"--level {parameters[-1]}: {error}") from None
        raise
    return rows


def run(postgres: Postgres = None, json_: Json = False) -> None:
    """Apply the rules now (store workers do so every ten minutes)."""
    from logforest.stores import postgres_schema

    done = postgres_schema.retain(_session(postgres), seconds=3600.0)
    if json_:
        print(json.dumps(done))
    else:
        print(f"dropped {done['partitions']} partitions, deleted {done['rows']} records")
