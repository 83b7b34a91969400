"""The latest records of some services and levels: one index scan for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from logforest.sql import statement
from logforest.stores.base import LogQuery
from logforest.stores.filters import Conditions, log_conditions
from logforest.values import LEVELS, names, one_of

__all__ = ["latest_of_pairs", "most_services", "select_page"]

_MOST_PAIRS = 40  # index scans of one statement; with more of them the order of time is quicker


def _levels(query: LogQuery) -> list[str]:
    return list(dict.fromkeys(one_of("level", query.level, LEVELS) or LEVELS))


def most_services(query: LogQuery) -> int:
    """Of a query by nothing but levels and time: with how many services at most its page is merged
    from those of each. 0: it is another query.
    """
    others = (query.q, query.service, query.category, query.source)
    values = (query.tenant, query.template, query.status_min, query.status_max)
    if query.limit is None or not query.level or any(others) or any(v is not None for v in values):
        return 0
    return _MOST_PAIRS // len(_levels(query)) - 1


def latest_of_pairs(
    query: LogQuery, services: Sequence[str] | None = None
) -> tuple[str, Conditions] | None:
    """The statement for a page of a query by service, and its parameters.

    The index on (service, level, timestamp) has the records of a pair in order. Each scan stops
    when it has as many as the page takes, and the page is merged from them. ``services``: all that
    there are, for a query by levels alone. None: for a query without a limit or a service, or with
    too many of them.
    """
    of: list[str | None] = list(dict.fromkeys(names("service", query.service)))
    if services is not None:
        of = [*services, None]  # and records without one
    pairs = [(service, level) for service in of for level in _levels(query)]
    if query.limit is None or not 0 < len(pairs) <= _MOST_PAIRS:
        return None
    c = log_conditions(replace(query, service=(), level=()), text_match=_no_text)
    order = "ASC" if query.ascending else "DESC"
    rest = "".join(f" AND {part}" for part in c.parts)
    scans = [
        f"(SELECT * FROM logs WHERE {_is(c, service)} "
        f"AND level = {c.parameter(level)}{rest} "
        f"ORDER BY timestamp {order}, id {order} LIMIT {query.limit + query.offset})"
        for service, level in pairs
    ]
    return select_page(query, source=f"({' UNION ALL '.join(scans)}) AS logs"), c


def _is(c: Conditions, service: str | None) -> str:
    return "service IS NULL" if service is None else f"service = {c.parameter(service)}"


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
