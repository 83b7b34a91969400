"""The latest records of some services and levels: one index scan for each pair."""

from __future__ import annotations

from dataclasses import replace

from logforest.sql import statement
from logforest.stores.base import LogQuery
from logforest.stores.filters import Conditions, log_conditions
from logforest.values import LEVELS, names, one_of

__all__ = ["latest_of_pairs"]

_MOST_PAIRS = 40  # index scans of one statement; with more of them the order of time is quicker


def _pairs(query: LogQuery) -> list[tuple[str, str]]:
    services = list(dict.fromkeys(names("service", query.service)))
    levels = dict.fromkeys(one_of("level", query.level, LEVELS) or LEVELS)
    return [(service, level) for service in services for level in levels]


def latest_of_pairs(query: LogQuery) -> tuple[str, Conditions] | None:
    """The statement for a page of a query by service, and its parameters.

    The index on (service, level, timestamp) has the records of a pair in order. Each scan stops
    when it has as many as the page takes, and the page is merged from them. None: for a query
    without a limit or a service, or with too many of them.
    """
    pairs = _pairs(query)
    if query.limit is None or not 0 < len(pairs) <= _MOST_PAIRS:
        return None
    c = log_conditions(replace(query, service=(), level=()), text_match=_no_text)
    order = "ASC" if query.ascending else "DESC"
    rest = "".join(f" AND {part}" for part in c.parts)
    scans = [
        f"(SELECT * FROM logs WHERE service = {c.parameter(service)} "
        f"AND level = {c.parameter(level)}{rest} "
        f"ORDER BY timestamp {order}, id {order} LIMIT {query.limit + query.offset})"
        for service, level in pairs
    ]
    return select_page(query, source=f"({' UNION ALL '.join(scans)}) AS logs"), c


def select_page(query: LogQuery, where: str = "", source: str = "logs") -> str:
    """The statement for the page that ``query`` asks for, of the records of ``source``."""
    limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
    return statement("postgres", "select_logs").format(
        source=source,
        where=where,
        order="ASC" if query.ascending else "DESC",
        limit=f"{limit} OFFSET {int(query.offset)}" if query.offset else limit,
    )


def _no_text(c: Conditions, term: str) -> str:
    raise AssertionError(f"{term!r} is for a search, not for {c}")
