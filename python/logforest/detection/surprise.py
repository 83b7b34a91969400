"""The tests behind window anomalies: how surprising is a count, in nats.

All are Chernoff bounds of tail probabilities (Hoeffding 1963): exp(-surprise) bounds the chance of
seeing at least (or at most) this, if nothing had changed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def poisson_surprise(count: npt.ArrayLike, expected: npt.ArrayLike) -> Floats:
    """Surprise of a Poisson count on either side of its expectation.

    >>> poisson_surprise([10, 50], [10, 10]).round(1).tolist()
    [0.0, 40.5]
    """
    k = np.asarray(count, np.float64)
    mu = np.maximum(np.asarray(expected, np.float64), 1e-9)
    return np.asarray(np.where(k > 0, k * np.log(np.maximum(k, 1e-300) / mu), 0.0) - k + mu)


def binomial_surprise(hits: npt.ArrayLike, trials: npt.ArrayLike, share: npt.ArrayLike) -> Floats:
    """Surprise of ``hits`` in ``trials`` where ``share`` is usual: trials x Kullback-Leibler.

    >>> binomial_surprise([5], [10], [0.5]).tolist()
    [0.0]
    """
    k, n = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    p = np.clip(np.asarray(share, np.float64), 1e-6, 1 - 1e-6)
    safe = np.maximum(n, 1.0)
    q = np.clip(k / safe, 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(q > 0, q * np.log(q / p), 0.0)
        no = np.where(q < 1, (1 - q) * np.log((1 - q) / (1 - p)), 0.0)
    return np.asarray(n * np.maximum(yes + no, 0.0))


class Tail:
    """The usual surprise of one test, from windows where it was silent: calibrates confidence.

    Keeps the latest ``size`` values; above their 90 % quantile an exponential tail is fitted
    (peaks over threshold, shape 0: Pickands 1975).
    """

    def __init__(self, size: int = 4000, refresh: int = 250) -> None:
        self.values = np.zeros(size)
        self.seen = 0
        self._refresh = refresh
        self.next = refresh  # how many values until the tail is fitted again
        self.start, self.scale = 2.0, 1.0  # of a Chernoff bound that is exact, and then some

    def add(self, values: Floats) -> None:
        """Take in held-in values."""
        for value in values:
            self.values[self.seen % len(self.values)] = value
            self.seen += 1
        if self.seen >= self.next:
            self.next = self.seen + self._refresh
            sample = self.values[: min(self.seen, len(self.values))]
            self.start = float(np.quantile(sample, 0.9))
            above = sample[sample > self.start] - self.start
            # Never lighter than the theory: a quiet history must not make us over-sure.
            self.scale = max(1.0, float(above.mean()) if len(above) else 1.0)

    def exceedance(self, value: float) -> float:
        """Share of usual windows with at least this surprise."""
        return 0.1 * float(np.exp(-max(0.0, value - self.start) / self.scale))
