"""Statistics from windows: counts, trends, services, categories, latency. No log is scanned.

Each function takes a store and a time span and returns plain JSON values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logforest.stores.base import Store
    from logforest.windows import WindowTable

__all__ = [
    "Span",
    "by_key",
    "categories",
    "choose_width",
    "latency",
    "services",
    "summary",
    "templates",
    "trends",
]

Span = dict[str, Any]  # since, until, tenant

_WIDTHS = ("1m", "5m", "15m", "1h", "6h", "1d", "1w")
_SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "1d": 86400, "1w": 604800}
_POINTS = 300
_MEASURES = ("mean", "min", "max", "p50", "p95", "p99")


def choose_width(span: timedelta) -> str:
    """The smallest usual width that needs at most 300 points.

    >>> choose_width(timedelta(hours=3)), choose_width(timedelta(days=2))
    ('1m', '15m')
    """
    for width in _WIDTHS:
        if span.total_seconds() <= _POINTS * _SECONDS[width]:
            return width
    return _WIDTHS[-1]


def _round(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 3)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A window's row for people."""
    out = {key: value for key, value in row.items() if not key.startswith(("response_", "window_"))}
    out["error_rate"] = round(row["error_count"] / row["count"], 6) if row["count"] else 0.0
    out["response_time"] = {m: _round(row[f"response_time_{m}"]) for m in _MEASURES}
    return out


def by_key(store: Store, span: Span, key: str) -> list[dict[str, Any]]:
    """Totals for each value of a key, the most frequent first; null is ``None``."""
    table = store.windows(every="1m", by=(key,), **span)
    rows = [_row(row) for row in _fold(table, (key,))]
    return sorted(rows, key=lambda row: -row["count"])


def _fold(table: WindowTable, by: Sequence[str]) -> list[dict[str, Any]]:
    """All windows of the same keys together, as if they had been one."""
    import pyarrow as pa

    from logforest.windows import WindowTable

    rows = table.rollup(by=by).partials()
    start = rows.schema.get_field_index("window_start")
    epoch = pa.array([0] * rows.num_rows, rows.schema.field(start).type)
    merged = WindowTable.from_arrow(
        rows.set_column(start, "window_start", epoch), every=table.every, by=tuple(by)
    )
    folded: list[dict[str, Any]] = merged.to_arrow().to_pylist()
    return folded


def summary(store: Store, span: Span) -> dict[str, Any]:
    """Totals, and counts by level, service and category."""
    reach = store.time_range(**span)
    table = store.windows(every="1m", by=("service", "level", "category"), **span)
    total = _fold(table, ())
    head = _row(total[0]) if total else {"count": 0, "error_count": 0, "error_rate": 0.0}
    levels = {row["level"]: row["count"] for row in _fold(table, ("level",))}
    return {
        "total": head["count"],
        "error_count": head["error_count"],
        "error_rate": head["error_rate"],
        "response_time": head.get("response_time"),
        "time_range": None
        if reach is None
        else {
            "start": _stamp(reach[0]),
            "end": _stamp(reach[1]),
        },
        "by_level": {
            name: levels.get(name, 0) for name in ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
        },
        "by_service": _counts(_fold(table, ("service",)), "service"),
        "by_category": _counts(_fold(table, ("category",)), "category"),
    }


def _counts(rows: list[dict[str, Any]], key: str) -> dict[str, int]:
    ordered = sorted(rows, key=lambda row: (-row["count"], row[key] or ""))
    return {row[key] or "": row["count"] for row in ordered}


def trends(
    store: Store, span: Span, *, every: str | None = None, by: Sequence[str] = ()
) -> dict[str, Any]:
    """Counts and errors over time; a point for each window that holds records."""
    reach = store.time_range(**span)
    width = every or choose_width(reach[1] - reach[0] if reach else timedelta())
    table = store.windows(every=width, by=tuple(by), **span).to_arrow()
    points = []
    for row in table.to_pylist():
        points.append({"window_start": _stamp(row["window_start"]), **_row(row)})
    return {"every": width, "by": list(by), "points": points}


def services(store: Store, span: Span) -> list[dict[str, Any]]:
    """Totals by service."""
    return by_key(store, span, "service")


def categories(store: Store, span: Span) -> list[dict[str, Any]]:
    """Totals by category."""
    return by_key(store, span, "category")


def latency(store: Store, span: Span, *, every: str | None = None) -> dict[str, Any]:
    """Response times over time and by service, ms."""
    over_time = trends(store, span, every=every)
    return {
        "every": over_time["every"],
        "points": [
            {"window_start": p["window_start"], "count": p["count"], **p["response_time"]}
            for p in over_time["points"]
        ],
        "services": [
            {"service": row["service"], "count": row["count"], **row["response_time"]}
            for row in services(store, span)
        ],
    }


def templates(store: Store, span: Span, limit: int) -> list[dict[str, Any]]:
    """The most frequent message templates."""
    rows: list[dict[str, Any]] = store.templates(limit=limit, **span).to_pylist()
    for row in rows:
        row["first_seen"] = _stamp(row["first_seen"])
        row["last_seen"] = _stamp(row["last_seen"])
    return rows


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
