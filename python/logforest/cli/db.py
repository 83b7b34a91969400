"""``logforest db``: make, upgrade and inspect the schema of the Postgres store."""

from __future__ import annotations

import json

import typer

from logforest.cli._servers import Json, Postgres, postgres_client


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Make, upgrade and inspect the Postgres schema.", no_args_is_help=True)
    group.command("init")(migrate)
    group.command("migrate")(migrate)
    group.command("status")(status)
    app.add_typer(group, name="db")


def migrate(postgres: Postgres = None, json_: Json = False) -> None:
    """Bring the schema to this release's version; on an empty database: make it."""
    from logforest.stores import postgres_schema

    done = postgres_schema.migrate(postgres_client(postgres, "db").session())
    if json_:
        print(json.dumps({"applied": [m.version for m in done]}))
        return
    for migration in done:
        print(f"applied {migration.version:04} {migration.name}")
    if not done:
        print("nothing to do: the schema is up to date")


def status(postgres: Postgres = None, json_: Json = False) -> None:
    """Which migrations are applied, which partitions there are. Exit code 1 when any is missing."""
    import pyarrow as pa

    from logforest.sql import statement
    from logforest.stores import postgres_schema

    session = postgres_client(postgres, "db").session()
    known = postgres_schema.applied(session)
    rows = [
        {"version": m.version, "name": m.name, "applied": m.version in known}
        for m in postgres_schema.migrations()
    ]
    partitions = []
    if known:
        partitions = pa.table(session.query(statement("postgres", "partitions"))).to_pylist()
    if json_:
        print(json.dumps({"migrations": rows, "partitions": partitions}))
    else:
        for row in rows:
            print(
                f"{row['version']:04} {row['name']}: {'applied' if row['applied'] else 'missing'}"
            )
        for part in partitions:
            print(f"{part['name']}: about {part['rows']} rows, {part['bytes'] >> 20} MB")
    if not all(row["applied"] for row in rows):
        raise typer.Exit(1)
