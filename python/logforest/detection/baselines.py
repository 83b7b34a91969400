"""What is usual for every service and template: arrays over all of them, moved on per window.

Rates are decayed means (about four hours of one-minute windows); levels and latencies are medians
of the recent windows. Windows with a finding do not change what is usual, unless the finding
lasts so long that it has become usual (``ADAPT_AFTER`` windows).
"""

from __future__ import annotations

import numpy as np

from logforest import _core

RECENT = 30  # windows of the level of traffic
LATENCIES = 60  # windows of the usual latency
DAY_RING = 1440  # windows remembered for "the same time before"
ALPHA = 1.0 / 240.0
ADAPT_AFTER = 240


def known_median(ring: np.ndarray) -> np.ndarray:
    """Median of each row over what is not NaN; 0 where nothing is.

    >>> known_median(np.array([[3.0, np.nan, 1.0], [np.nan] * 3])).tolist()
    [2.0, 0.0]
    """
    ordered = np.sort(ring, axis=1)  # NaN comes last
    count = ring.shape[1] - np.isnan(ring).sum(axis=1)
    rows = np.arange(len(ring))
    low = ordered[rows, np.maximum(count - 1, 0) // 2]
    high = ordered[rows, np.minimum(count // 2, ring.shape[1] - 1)]
    return np.where(count > 0, 0.5 * (low + high), 0.0)


class Services:
    """State per service; grows with ``resize``. Names of attributes are what is saved."""

    SCALARS = (
        "age", "records", "last_id", "silent", "streak", "spread", "error_spread",
        "errors", "error_trials", "client_errors", "auth_rate", "auth_spread", "novelty",
    )  # fmt: skip

    def __init__(self) -> None:
        self.size = 0
        for name in self.SCALARS:
            setattr(self, name, np.zeros(0))
        self.recent = np.zeros((0, RECENT))
        self.latency = np.zeros((0, LATENCIES))
        self.latency_windows = np.zeros(0)
        self.day = np.zeros((0, DAY_RING), np.float32)
        self.histogram = np.zeros((0, _core.LATENCY_BINS))

    age: np.ndarray  # windows since the service was first seen
    records: np.ndarray
    last_id: np.ndarray
    silent: np.ndarray  # windows without a record until now
    streak: np.ndarray  # windows with a finding until now
    spread: np.ndarray  # variance of counts over that of a Poisson count
    error_spread: np.ndarray
    errors: np.ndarray
    error_trials: np.ndarray
    client_errors: np.ndarray
    auth_rate: np.ndarray
    auth_spread: np.ndarray
    novelty: np.ndarray  # templates that came new after the warm-up and stayed rare

    RINGS = ("recent", "latency", "day")
    ARRAYS = (*SCALARS, "recent", "latency", "latency_windows", "day", "histogram")

    def resize(self, size: int) -> None:
        """Room for ``size`` services; new ones know nothing."""
        extra = size - self.size
        if extra <= 0:
            return
        for name in self.ARRAYS:
            old = getattr(self, name)
            fill = np.nan if name in self.RINGS else 1.0 if "spread" in name else 0.0
            new = np.full((extra, *old.shape[1:]), fill, old.dtype)
            setattr(self, name, np.concatenate([old, new]))
        self.last_id[self.size :] = -1
        self.size = size

    def level(self) -> np.ndarray:
        """Usual number of records in a window."""
        return known_median(self.recent)

    def error_share(self) -> np.ndarray:
        """Usual share of errors, drawn towards 0.5 % while little is known."""
        return (self.errors + 0.5) / (self.error_trials + 100.0)

    def client_error_share(self) -> np.ndarray:
        """Usual share of 4xx answers."""
        return (self.client_errors + 1.0) / (self.error_trials + 100.0)

    def latency_centre(self) -> tuple[np.ndarray, np.ndarray]:
        """Median and spread of the windows' mean log deviation from the usual latency."""
        centre = known_median(self.latency)
        spread = 1.4826 * known_median(np.abs(self.latency - centre[:, None]))
        return centre, np.maximum(spread, 0.03)

    def learn(self, window: int, now: dict[str, np.ndarray], ok: np.ndarray) -> None:
        """Move on by one window; ``ok`` are the services whose window was usual."""
        count, level = now["count"], self.level()
        first = (self.age == 0) & (count > 0)
        kept = np.where(ok | first, count, level)
        self.recent[:, window % RECENT] = np.where((self.age > 0) | first, kept, np.nan)
        self.day[:, window % DAY_RING] = np.where(ok, count, np.nan)
        expected = np.maximum(level, 1.0)
        residual = np.minimum((count - level) ** 2 / expected, 16.0)
        known = ok & (self.age >= 5)
        self.spread += np.where(known, 4 * ALPHA * (residual - self.spread), 0.0)
        p = self.error_share()
        e = count * p
        residual = np.minimum((now["errors"] - e) ** 2 / np.maximum(e, 1.0), 16.0)
        self.error_spread += np.where(known, 4 * ALPHA * (residual - self.error_spread), 0.0)
        a = self.auth_rate
        residual = np.minimum((now["auth_failures"] - a) ** 2 / np.maximum(a, 1.0), 16.0)
        self.auth_spread += np.where(known, 4 * ALPHA * (residual - self.auth_spread), 0.0)
        keep = np.where(ok, 1.0 - ALPHA, 1.0)
        self.errors = self.errors * keep + np.where(ok, now["errors"], 0.0)
        self.client_errors = self.client_errors * keep + np.where(ok, now["client_errors"], 0.0)
        self.error_trials = self.error_trials * keep + np.where(ok, count, 0.0)
        pace = np.maximum(ALPHA, 1.0 / (self.age + 1.0))
        self.auth_rate += np.where(ok, pace * (now["auth_failures"] - self.auth_rate), 0.0)
        self.histogram *= keep[:, None]
        self.histogram[ok] += now["latency"][ok]
        timed = ok & (now["residuals"] >= 5)
        mean = now["residual_sum"] / np.maximum(now["residuals"], 1)
        position = (self.latency_windows % LATENCIES).astype(int)
        self.latency[timed, position[timed]] = mean[timed]
        self.latency_windows += timed
        self.records += count
        self.age += (self.age > 0) | (count > 0)


class Templates:
    """State per template slot: a fingerprint of a service."""

    ARRAYS = (
        "service", "level", "auth", "first", "known_before", "total", "rate", "group", "mined",
    )  # fmt: skip

    def __init__(self) -> None:
        self.size = 0
        self.service = np.zeros(0, np.int32)
        self.level = np.zeros(0, np.uint8)
        self.auth = np.zeros(0, np.uint8)  # whether the words tell of a failed login
        self.first = np.zeros(0, np.int64)  # window in which it came first; -1: not yet
        self.known_before = np.zeros(0)  # records of the service before that; 0: not new
        self.total = np.zeros(0)
        self.rate = np.zeros(0)  # decayed mean per window
        self.group = np.zeros(0, np.int64)  # row of Groups
        self.mined = np.zeros(0, np.uint8)  # whether its words were looked at

    def resize(self, service: np.ndarray, level: np.ndarray, auth: np.ndarray) -> None:
        """Take over slots that are new in the core; levels may have risen."""
        extra = len(service) - self.size
        self.service, self.level, self.auth = service, level, auth
        if extra <= 0:
            return
        for name, fill in (
            ("first", -1), ("known_before", 0), ("total", 0), ("rate", 0), ("group", -1),
            ("mined", 0),
        ):  # fmt: skip
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full(extra, fill, old.dtype)]))
        self.size = len(service)

    def learn(self, window: int, slots: np.ndarray, counts: np.ndarray, ok: np.ndarray) -> None:
        """Move on by one window; ``ok`` tells for each service whether it was usual."""
        seen = np.zeros(self.size)
        seen[slots] = counts
        self.rate += np.where(ok[self.service], pace(window, self.first) * (seen - self.rate), 0.0)
        self.total[slots] += counts


class Groups:
    """State per template of a service: the slots whose messages are one statement."""

    ARRAYS = ("founder", "first", "last", "rate", "windows")

    def __init__(self) -> None:
        self.size = 0
        self.founder = np.zeros(0, np.int64)  # its first slot
        self.first = np.zeros(0, np.int64)  # window in which it came first; -1: not yet
        self.last = np.zeros(0, np.int64)
        self.rate = np.zeros(0)  # decayed mean per window
        self.windows = np.zeros(0)  # windows in which it was seen

    def add(self, founders: np.ndarray) -> None:
        """New groups, of which nothing was seen yet."""
        extra = len(founders)
        self.founder = np.concatenate([self.founder, founders])
        for name, fill in (("first", -1), ("last", -1), ("rate", 0), ("windows", 0)):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full(extra, fill, old.dtype)]))
        self.size += extra

    def learn(self, window: int, seen: np.ndarray, ok: np.ndarray) -> None:
        """Move on by one window: ``seen`` records of each; ``ok``: whether it teaches."""
        self.rate += np.where(ok, pace(window, self.first) * (seen - self.rate), 0.0)
        self.last[seen > 0] = window
        self.windows += seen > 0

    def join(self, parts: np.ndarray, window: int) -> tuple[int, int, float, float]:
        """first, last, rate and windows of groups that turned out to be one."""
        parts = parts[np.argsort(self.first[parts], kind="stable")]
        first, rate = int(self.first[parts[0]]), float(self.rate[parts[0]])
        # The younger ones' records, had they been counted in the older one's mean from the start.
        share = pace(window, first) * (window - self.first[parts[1:]] + 1)
        rate += float((self.rate[parts[1:]] * np.minimum(share, 1.0)).sum())
        return first, int(self.last[parts].max()), rate, float(self.windows[parts].max())


def pace(window: int, first: np.ndarray | int) -> np.ndarray:
    """Weight of this window in a decayed mean since ``first``; 0 before it began."""
    age = np.maximum(window - np.asarray(first), 0) + 1.0
    return np.where(np.asarray(first) >= 0, np.maximum(ALPHA, 1.0 / age), 0.0)
