"""Windows, the plain way: one dict, one list of response times a window, exact quantiles."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

WEEK = 7 * 86_400_000_000


def starts(us: int, every: int, step: int) -> list[int]:
    """Starts of all windows [start, start + every) that hold ``us``."""
    origin = -3 * 86_400_000_000 if step % WEEK == 0 else 0  # whole weeks begin on Monday
    first = us - (us - origin) % step
    return list(range(first, us - every, -step))


def aggregate(
    records: Iterable[dict[str, Any]], every: int, by: tuple[str, ...], step: int | None = None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Window start and keys -> count, error_count and the statistics of response_time."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        for start in starts(record["timestamp"], every, step or every):
            groups[(start, *(record[key] for key in by))].append(record)
    return {key: summarise(rows) for key, rows in groups.items()}


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    errors = sum(
        r["level"] in ("ERROR", "CRITICAL") or (r["status_code"] or 0) >= 500 for r in rows
    )
    times = sorted(
        r["response_time"]
        for r in rows
        if r["response_time"] is not None and math.isfinite(r["response_time"])
    )
    out: dict[str, Any] = {"count": len(rows), "error_count": errors, "times": times}
    if times:
        out["min"], out["max"] = times[0], times[-1]
        for q in (0.5, 0.95, 0.99):
            out[f"p{round(q * 100)}"] = times[math.floor(q * (len(times) - 1))]
        if max(map(abs, times)) >= 2**31:
            return out  # sums are clamped there
        mean = sum(map(Fraction, times)) / len(times)
        out["mean"] = float(mean)
        if len(times) > 1:
            variance = sum((Fraction(t) - mean) ** 2 for t in times) / (len(times) - 1)
            out["std"] = math.sqrt(variance)
    return out
