"""Trees and threshold: what fitting, streams and files share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from logforest import _core
from logforest.forest.matrix import Matrix, as_matrix, check_names, feature_names, not_fitted
from logforest.forest.settings import Settings
from logforest.forest.stream import Stream

__all__ = ["GrownForest", "quantile"]

Floats = npt.NDArray[np.float64]
_TAIL_ROWS = 256  # flagged rows of a calibration sample: their share is known to 6 %


def quantile(values: Floats, share: float) -> float:
    """np.quantile with linear interpolation, without its fixed cost."""
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    part = np.partition(values, (low, high))
    return float(part[low] + (part[high] - part[low]) * (position - low))


class GrownForest(Settings):
    """State of a fitted forest; ``_forest`` is missing before."""

    offset_: float
    max_samples_: int
    n_features_in_: int
    feature_names_in_: npt.NDArray[np.object_]
    _forest: _core.IsolationForest
    _seed: int
    _grown: int  # trees so far, those retired included
    _stream: Stream | None

    def _grow(
        self,
        x: Matrix,
        count: int,
        sample_size: int,
        *,
        old: _core.IsolationForest | None = None,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> _core.IsolationForest:
        forest = _core.IsolationForest.grow(
            old=old,
            drop=0 if old is None else count,
            x=x,
            first=self._grown,
            count=count,
            sample_size=sample_size,
            features=self._feature_count(x.shape[1]),
            bootstrap=bool(self.bootstrap),
            weights=weights,
            seed=self._seed,
            threads=self._threads(),
        )
        self._grown += count
        return forest

    def _set_schema(self, x: Matrix, names: npt.NDArray[np.object_] | None) -> None:
        self.n_features_in_ = int(x.shape[1])
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _calibrate(self, x: Matrix) -> float:
        if self.contamination == "auto":
            return -0.5
        limit = self.calibration_samples
        if isinstance(limit, str):
            limit = math.ceil(_TAIL_ROWS / float(self.contamination))
        if limit is not None and len(x) > limit:
            edges = np.linspace(0, len(x), int(limit) + 1)
            share = np.random.default_rng(self._seed).random(int(limit))
            x = x[(edges[:-1] + share * np.diff(edges)).astype(np.int64)]
        scores = self._forest.score(x, self._threads(), -1.0, 0.0)
        return quantile(scores, float(self.contamination))

    def _core_forest(self) -> _core.IsolationForest:
        try:
            return self._forest
        except AttributeError:
            raise not_fitted(type(self).__name__) from None

    def _checked(self, X: Any) -> Matrix:
        expected = getattr(self, "feature_names_in_", None)
        if expected is not None or not isinstance(X, np.ndarray):
            check_names(type(self).__name__, expected, feature_names(X))
        x = as_matrix(X)
        if x.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {x.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return x
