"""What commands share that talk to Redis or Postgres themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest._core import PgClient
    from logforest.queues.redis_streams import RedisLog

__all__ = ["Json", "Postgres", "Redis", "postgres_client", "redis_log"]

Redis = Annotated[
    str | None, typer.Option("--redis", help="redis://, rediss:// or unix:// address.")
]
Postgres = Annotated[str | None, typer.Option("--postgres", help="libpq DSN or URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def redis_log(redis: str | None) -> RedisLog:
    """The queue at this address, or at that of the settings."""
    from logforest.queues.redis_streams import RedisLog
    from logforest.settings import load_settings

    url = load_settings(redis=redis).redis
    if url is None:
        raise ConfigError("give --redis or set LOGFOREST_REDIS")
    return RedisLog(url)


def postgres_client(postgres: str | None, command: str) -> PgClient:
    """One connection to this database, or to that of the settings, named after the command."""
    from logforest._core import PgClient
    from logforest.settings import load_settings

    dsn = load_settings(postgres=postgres or None).postgres
    if not dsn:
        raise ConfigError("give --postgres DSN or set LOGFOREST_POSTGRES")
    return PgClient(dsn, pool_size=1, name=f"logforest-{command}")
