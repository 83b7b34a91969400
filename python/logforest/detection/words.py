"""Numbers and findings in words that a person knows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from logforest import _core

if TYPE_CHECKING:
    from logforest.detection.hits import Hit


def percent(share: float) -> str:
    """A share for reading.

    >>> percent(0.31), percent(0.0042), percent(0.0), percent(0.00002)
    ('31 %', '0.4 %', '0 %', 'under 0.01 %')
    """
    if share <= 0:
        return "0 %"
    if share < 0.0001:
        return "under 0.01 %"
    value = 100 * share
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"
    return f"{text.removesuffix('.0')} %"


def usually(share: float) -> str:
    """How a share is put after "now,".

    >>> usually(0.0042), usually(0.0)
    ('0.4 % usually', 'never before')
    """
    return f"{percent(share)} usually" if share > 0 else "never before"


def milliseconds(ms: float) -> str:
    """A duration for reading.

    >>> milliseconds(3.14159), milliseconds(845.3), milliseconds(12_400)
    ('3.1 ms', '845 ms', '12.4 s')
    """
    if not math.isfinite(ms):
        return "unknown"
    if ms >= 10_000:
        return f"{ms / 1000:,.1f} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"


def number(value: float) -> str:
    """A count for reading: whole above ten.

    >>> number(3.26), number(12_000.4)
    ('3.3', '12,000')
    """
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def length(seconds: float) -> str:
    """A span of time for reading.

    >>> length(60), length(300), length(7200), length(30)
    ('1 minute', '5 minutes', '2 hours', '30 seconds')
    """
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit and seconds % unit == 0:
            count = int(seconds // unit)
            return f"{count} {name}" + ("s" if count != 1 else "")
    return f"{seconds:g} seconds"


def per(seconds: float) -> str:
    """The same after a number.

    >>> per(60), per(900)
    ('a minute', 'in 15 minutes')
    """
    text = length(seconds)
    return f"a {text[2:]}".replace("a hour", "an hour") if text[:2] == "1 " else f"in {text}"


def median_of(histogram: np.ndarray, q: float = 0.5) -> float:
    """Quantile in ms of a latency histogram of the core; NaN when it is empty."""
    total = float(histogram.sum())
    if total <= 0:
        return math.nan
    cumulative = np.cumsum(histogram)
    at = int(np.searchsorted(cumulative, q * total))
    at = min(at, len(histogram) - 1)
    inside = histogram[at]
    before = cumulative[at] - inside
    part = (q * total - before) / inside if inside > 0 else 0.5
    octave = _core.LATENCY_FIRST_OCTAVE + (at + part) / _core.LATENCY_BINS_PER_OCTAVE
    return float(2.0**octave)


def quoted(text: str, most: int = 160) -> str:
    """One line of log text inside a sentence: control characters out, cut."""
    clean = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return f'"{clean[:most]}…"' if len(text) > most else f'"{clean}"'


def volume_words(hit: Hit, width: str, window_seconds: float, silent_windows: float) -> str:
    """silent_service, volume_drop, volume_surge."""
    if hit.kind == "silent_service":
        usual = f"{number(hit.expected)} {per(window_seconds)} usually"
        return f"no record for {length(window_seconds * silent_windows)}, {usual}"
    word = "only " if hit.kind == "volume_drop" else ""
    return f"{word}{number(hit.actual)} records in {width}, {number(hit.expected)} usually"
