"""Stores: where records are kept. ``open`` picks one by its address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest.stores.base import Store

__all__ = ["open"]


def open(address: str | os.PathLike[str]) -> Store:
    """Open a store: a DuckDB file by path, or Postgres by ``postgresql://``.

    Parameters
    ----------
    address
        ``"logs.duckdb"`` (made if absent), ``":memory:"``, or
        ``"postgresql://user:password@host/database"``.

    Raises
    ------
    StoreError
        The file is held by another process, is no DuckDB file, or the server is out of reach.
    ConfigError
        The scheme is unknown.

    Examples
    --------
    >>> import logforest as lf
    >>> with lf.open(":memory:") as store:
    ...     store.logs().num_rows
    0
    """
    text = os.fspath(address)
    scheme, separator, _ = text.partition("://")
    if not separator:
        from logforest.stores.duckdb import DuckDBStore

        return DuckDBStore(text)
    if scheme in ("postgresql", "postgres"):
        from logforest.stores.postgres import PostgresStore

        return PostgresStore(text)
    raise ConfigError(
        f"store {scheme}://: unknown scheme; use a file path (DuckDB) or postgresql://"
    )
