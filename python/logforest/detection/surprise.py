"""The tests behind window anomalies: how surprising is a count, in nats.

All are Chernoff bounds of tail probabilities (Hoeffding 1963): exp(-surprise) bounds the chance of
seeing at least (or at most) this, if nothing had changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


_STEP = float(np.log(2.5))  # between the quantiles that a tail is fitted to
_PRIOR_SHAPE = 0.5  # a heavy tail, until so many windows have shown another one
_PRIOR_WINDOWS = 1000
_WINDOW_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Pareto:
    """The tail of a quantity: ``share`` of its values lie above ``start``, generalised Pareto."""

    share: float
    start: float
    scale: float
    shape: float

    @classmethod
    def fit(
        cls, values: npt.NDArray[Any], share: float, least: float, prior: tuple[float, float]
    ) -> Pareto:
        """By three quantiles (Pickands 1975), which a few incidents among the values do not move.

        ``least``: the scale is not below; ``prior``: shape that is mixed in, worth so many values.
        """
        above = share / np.array([1.0, 2.5, 2.5**2])
        start, middle, high = (float(q) for q in np.quantile(values, 1.0 - above))
        near, far = max(middle - start, _STEP * least), max(high - middle, _STEP * least)
        shape, worth = prior
        weight = len(values) / (len(values) + worth)
        shape = (
            weight * float(np.clip(np.log(far / near) / _STEP, 0.0, 1.0)) + shape - weight * shape
        )
        growth = np.expm1(2 * _STEP * shape) / shape if shape > 1e-6 else 2 * _STEP
        return cls(share, start, max(least, (high - start) / growth), shape)

    def surprise(self, values: npt.ArrayLike) -> Floats:
        """Nats: minus the logarithm of the share of values that are at least so large."""
        over = np.maximum(np.asarray(values, np.float64) - self.start, 0.0) / self.scale
        grown = np.log1p(self.shape * over) / self.shape if self.shape > 1e-6 else over
        return np.asarray(grown - np.log(self.share))


class Tail:
    """How often one test shows how much surprise, over the windows of late: gives confidence.

    Keeps the latest ``size`` values. Above their 90 % quantile a :class:`Pareto` tail is fitted,
    never lighter than an exponential of scale 1, which a Chernoff bound that is exact would have.
    """

    def __init__(self, size: int = 4000, refresh: int = 250) -> None:
        self.values = np.zeros(size)
        self.seen = 0
        self._refresh = refresh
        self.next = refresh  # how many values until the tail is fitted again
        self.start, self.scale, self.shape = 2.0, 1.0, _PRIOR_SHAPE

    def add(self, values: Floats) -> None:
        """Take in the surprises of a window."""
        for value in values:
            self.values[self.seen % len(self.values)] = value
            self.seen += 1
        if self.seen >= self.next:
            self.next = self.seen + self._refresh
            self._fit()

    @property
    def latest(self) -> Floats:
        """The values that are kept."""
        return self.values[: min(self.seen, len(self.values))]

    def _fit(self) -> None:
        tail = Pareto.fit(self.latest, _WINDOW_SHARE, 1.0, (_PRIOR_SHAPE, _PRIOR_WINDOWS))
        self.start, self.scale, self.shape = tail.start, tail.scale, tail.shape

    def exceedance(self, value: float) -> float:
        """Share of usual windows with at least this surprise."""
        tail = Pareto(_WINDOW_SHARE, self.start, self.scale, self.shape)
        return float(np.exp(-tail.surprise(value)))

    def confidence(self, value: float) -> float:
        """Share of the latest windows at least this surprising that chance does not account for."""
        windows = max(len(self.latest), _PRIOR_WINDOWS)
        there = int((self.latest >= value).sum())
        return float(true_share(np.array(windows * self.exceedance(value)), np.array(there)))


def true_share(expected: Floats, there: npt.ArrayLike) -> Floats:
    """One minus the false discovery rate (Efron 2007), with one standard deviation in hand.

    ``there``: cases found; ``expected``: how many of them chance alone would bring.

    >>> true_share(np.array([0.0, 4.0, 100.0]), np.array([1, 60, 50])).tolist()
    [1.0, 0.9, 0.0]
    """
    false = (expected + np.sqrt(expected)) / np.maximum(there, 1)
    return np.asarray(np.clip(1.0 - false, 0.0, 1.0))
