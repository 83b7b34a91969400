"""SQL lives in .sql files, one folder a dialect; this module reads them."""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["statement"]


@cache
def statement(dialect: str, name: str) -> str:
    """The text of ``sql/<dialect>/<name>.sql``.

    Examples
    --------
    >>> "CREATE TABLE logs" in statement("duckdb", "schema")
    True
    """
    return resources.files(__package__).joinpath(dialect, f"{name}.sql").read_text("utf-8")
