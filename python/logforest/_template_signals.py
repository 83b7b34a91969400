"""Signals of templates: new, surging and vanished ones in counts by window."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["template_signals"]


def template_signals(
    counts: pa.Table,
    *,
    baseline: int = 60,
    alpha: float = 1e-4,
    min_ratio: float = 3.0,
    min_count: int = 5,
) -> pa.Table:
    """Judge the last window of ``counts`` against those before it.

    Parameters
    ----------
    counts : table window_start, template_id, count, as ``TemplateMiner.window_counts`` gives.
    baseline : windows looked back at, at most. Windows without any message count as silent.
    alpha : probability under the history below which a count is a signal.
    min_ratio, min_count : a surge is also at least so many times the mean, and so many messages.

    Returns
    -------
    Arrow table template_id, signal (``new``, ``surging``, ``vanished``), count, expected (mean of
    the history), p_value; ordered by p_value. The model is a negative binomial with the history's
    mean and variance (Poisson where the variance is not above the mean); ``new`` means never seen
    in the history, ``vanished`` means zero now where zero has a probability below ``alpha``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> t = pa.table({"window_start": [0, 1, 2, 3, 3], "template_id": [7, 7, 7, 7, 8],
    ...               "count": [4, 5, 4, 90, 2]})
    >>> from logforest import template_signals
    >>> template_signals(t).column("signal").to_pylist()
    ['surging', 'new']
    """
    import numpy as np
    import pyarrow as pa

    starts = np.asarray(counts.column("window_start").cast(pa.int64()))
    ids = np.asarray(counts.column("template_id"))
    values = np.asarray(counts.column("count"))
    rows: list[tuple[int, str, int, float, float]] = []
    if len(starts) > 0:
        windows = np.unique(starts)
        width = int(np.diff(windows).min()) if len(windows) > 1 else 1
        now = int(windows[-1])
        length = min(baseline, (now - int(windows[0])) // width)
        back = (now - starts) // width
        for template in np.unique(ids[back <= length]).tolist():
            mine = ids == template
            current = int(values[mine & (back == 0)].sum())
            history = np.zeros(length)
            old = mine & (back >= 1) & (back <= length)
            np.add.at(history, back[old] - 1, values[old])
            mean = float(history.mean()) if length else 0.0
            variance = float(history.var()) if length else 0.0
            if mean == 0.0:
                if current > 0 and length > 0:
                    rows.append((template, "new", current, 0.0, 1.0 / (length + 1)))
                continue
            p_more = _upper_tail(current, mean, variance)
            p_zero = 1.0 - _upper_tail(1, mean, variance)
            if current >= max(min_count, min_ratio * mean) and p_more < alpha:
                rows.append((template, "surging", current, mean, p_more))
            elif current == 0 and p_zero < alpha:
                rows.append((template, "vanished", current, mean, p_zero))
    rows.sort(key=lambda r: (r[4], r[0]))
    names = ("template_id", "signal", "count", "expected", "p_value")
    types = (pa.int64(), pa.string(), pa.int64(), pa.float64(), pa.float64())
    columns: Iterable[tuple[Any, ...]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def _upper_tail(count: int, mean: float, variance: float) -> float:
    """P(X >= count) of a negative binomial with this mean and variance, or of a Poisson."""
    if count <= 0:
        return 1.0
    if count > mean:
        # Summed from `count` upwards: exact where the tail is small.
        log_term = _log_pmf(count, mean, variance)
        total, k, term = 0.0, count, math.exp(log_term)
        while term > total * 1e-12 and k < count + 100_000:
            total += term
            term *= _ratio(k, mean, variance)
            k += 1
        return min(1.0, total)
    below = math.fsum(math.exp(_log_pmf(k, mean, variance)) for k in range(count))
    return max(0.0, 1.0 - below)


def _log_pmf(k: int, mean: float, variance: float) -> float:
    if variance <= mean * (1 + 1e-9):
        return k * math.log(mean) - mean - math.lgamma(k + 1)
    r = mean * mean / (variance - mean)
    return (
        math.lgamma(k + r)
        - math.lgamma(r)
        - math.lgamma(k + 1)
        + r * math.log(mean / variance)
        + k * math.log1p(-mean / variance)
    )


def _ratio(k: int, mean: float, variance: float) -> float:
    """pmf(k + 1) / pmf(k)."""
    if variance <= mean * (1 + 1e-9):
        return mean / (k + 1)
    r = mean * mean / (variance - mean)
    return (k + r) / (k + 1) * (1 - mean / variance)
