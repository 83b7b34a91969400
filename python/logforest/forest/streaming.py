"""Learning from a stream: the oldest trees make room for new ones."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from logforest import _core
from logforest.errors import ConfigError, ModelError
from logforest.forest.growing import GrownForest, quantile
from logforest.forest.matrix import as_matrix, feature_names
from logforest.forest.settings import seed_of
from logforest.forest.stream import Stream

__all__ = ["StreamedForest"]


class StreamedForest(GrownForest):
    """``partial_fit``."""

    def partial_fit(
        self, X: Any, y: object = None, *, protect: bool = False, renewal: float = 0.25
    ) -> Self:
        """Learns from the next rows of a stream; y is ignored.

        Whenever `max_samples` further rows (256 for "auto") have come, the oldest trees, a share
        `renewal` of them, are replaced by trees grown on the last four times as many rows, and a
        float contamination moves ``offset_`` to that quantile of the scores that the recent rows
        had when they came. How the stream is cut into calls makes no difference. The first call may
        come before or after `fit`; a new forest warms up on whatever it has.

        With `protect`, rows that the forest calls outliers (``decision_function`` below 0) are not
        learned, unless they are more than half of a period: then the world has changed.
        """
        names = feature_names(X)
        self._check_params()
        if not 0.0 < renewal <= 1.0:
            raise ConfigError(f"renewal must be in (0, 1], got {renewal!r}")
        fitted = hasattr(self, "_forest")
        x = self._checked(X) if fitted else as_matrix(X)
        with np.errstate(over="ignore"):
            x = x.astype(np.float32, copy=False)
        if np.isinf(x).any():  # before anything is learned
            raise ModelError(_core.INFINITY_MESSAGE)
        if not fitted:
            self._seed = seed_of(self.random_state)
            self._grown = 0
            self._stream = None
            self._set_schema(x, names)
        if self._stream is None:
            self._stream = Stream(period=self._period(), columns=x.shape[1], warming=not fitted)
        stream = self._stream
        at = 0
        while at < len(x):
            rows = x[at : at + stream.room()]
            at += len(rows)
            scores = skip = None
            if hasattr(self, "_forest") and (protect or self.contamination != "auto"):
                scores = self._forest.score(rows, self._threads(), 1.0, 0.0)
                skip = scores > -self.offset_ if protect and not stream.warming else None
            stream.add(rows, scores, skip)
            if stream.warming:
                self._warm_up(stream)
            if stream.pending == stream.period:
                self._renew(stream, renewal)
        return self

    def _warm_up(self, stream: Stream) -> None:
        rows = stream.warm_rows()
        if len(rows) & (len(rows) - 1) and len(rows) != stream.period:
            return  # neither a power of two nor a full period
        self._forest = self._grow(rows, int(self.n_estimators), len(rows))
        self.max_samples_ = len(rows)
        self.offset_ = self._calibrate(rows)
        stream.pending_scores[: len(rows)] = self._forest.score(rows, self._threads(), 1.0, 0.0)

    def _renew(self, stream: Stream, renewal: float) -> None:
        warmed_up = stream.warming
        stream.end_period()
        if warmed_up:
            return  # the forest was grown on these very rows
        rows = stream.recent_rows
        self.max_samples_ = min(stream.period, len(rows))
        count = math.ceil(renewal * self._forest.n_trees)
        self._forest = self._grow(rows, count, self.max_samples_, old=self._forest)
        if self.contamination != "auto":
            self.offset_ = quantile(-stream.recent_scores, float(self.contamination))
