"""Isolation Forest: scikit-learn's names and signs, a C++ core, explanations, streams, own files.

scikit-learn is not needed; where it is installed the estimator works in its pipelines and searches.
"""

from __future__ import annotations

import inspect
import math
import numbers
import secrets
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logforest import _core
from logforest._matrix import (
    Matrix,
    as_matrix,
    as_weights,
    check_names,
    feature_names,
    not_fitted,
)
from logforest.errors import ConfigError

__all__ = ["IsolationForest"]

Floats = npt.NDArray[np.float64]
_SEED_MASK = (1 << 64) - 1


def _seed_of(random_state: Any) -> int:
    """An unsigned 64-bit seed from an int, a NumPy generator, or None (fresh entropy)."""
    if random_state is None:
        return secrets.randbits(64)
    if isinstance(random_state, numbers.Integral):
        return int(random_state) & _SEED_MASK
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 1 << 63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 1 << 31 - 1))
    raise ConfigError(
        "random_state must be None, an int, a numpy Generator or a RandomState, "
        f"got {random_state!r}"
    )


class IsolationForest:
    """Isolation Forest (Liu, Ting, Zhou, ICDM 2008) with scikit-learn's interface.

    Parameters
    ----------
    n_estimators : int
        Number of trees.
    max_samples : "auto", int or float
        Rows drawn per tree: ``min(256, n)``, a number, or a share of the rows.
    contamination : "auto" or float in (0, 0.5]
        Sets ``offset_``: the score below which ``predict`` says -1. A float makes it that quantile
        of the training scores; "auto" sets it to -0.5 as in the paper.
    max_features : int or float
        Features a tree may use: a number or a share.
    bootstrap : bool
        Draw rows with replacement.
    n_jobs : int or None
        Threads: None means 1, -1 one per core. Never changes a result.
    random_state : int, numpy Generator, RandomState or None
        Same seed, same data, same forest: bit-equal at any thread count and batch size.
    calibration_samples : int or None
        With a float contamination and more rows than this, ``offset_`` is the quantile over a
        random sample of this many rows (one from each of as many equal stretches), which keeps
        ``fit`` independent of the number of rows. None scores all rows.

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.
    max_samples_ : int
        Rows drawn per tree.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if ``fit`` saw a frame or table with string column names.
    baseline_ : float
        What the contributions of ``explain`` are measured from.

    Notes
    -----
    Values are cast to float32, as scikit-learn does. NaN is missing: during growth a split sends
    missing values to a random side; a split that saw none sends later ones to the side with more
    rows. Infinite values are refused.

    Examples
    --------
    >>> import numpy as np
    >>> import logforest as lf
    >>> X = np.vstack([np.random.default_rng(0).normal(size=(500, 2)), [[9.0, 9.0]]])
    >>> forest = lf.IsolationForest(random_state=0).fit(X)
    >>> int(forest.anomaly_score(X).argmax())
    500
    """

    _estimator_type = "outlier_detector"

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        max_samples: str | int | float = "auto",
        contamination: str | float = 0.1,
        max_features: int | float = 1.0,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        calibration_samples: int | None = 8192,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.calibration_samples = calibration_samples

    # -- fitting ------------------------------------------------------------------------------

    def fit(self, X: Any, y: object = None, sample_weight: Any = None) -> Self:
        """Grows the forest on X (rows, features); y is ignored.

        sample_weight gives each row's chance to be drawn into a tree, relative to the others;
        rows of weight 0 are never drawn.
        """
        names = feature_names(X)
        x = as_matrix(X)
        weights = as_weights(sample_weight, len(x))
        drawable = len(x) if weights is None else int(np.count_nonzero(weights > 0))
        self._check_params()
        sample_size = self._sample_size(len(x), drawable)
        seed = _seed_of(self.random_state)
        self._seed = seed
        self._forest = _core.IsolationForest.grow(
            None,
            0,
            x,
            0,
            int(self.n_estimators),
            sample_size,
            self._feature_count(x.shape[1]),
            bool(self.bootstrap),
            weights,
            seed,
            self._threads(),
        )
        self._grown = int(self.n_estimators)
        self.max_samples_ = sample_size
        self.n_features_in_ = int(x.shape[1])
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.offset_ = self._calibrate(x)
        return self

    def fit_predict(self, X: Any, y: object = None, sample_weight: Any = None) -> Any:
        """``fit(X)`` and then ``predict(X)``: int64[rows], -1 for outliers and 1 for inliers."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def _calibrate(self, x: Matrix) -> float:
        if self.contamination == "auto":
            return -0.5
        limit = self.calibration_samples
        if limit is not None and len(x) > limit:
            edges = np.linspace(0, len(x), int(limit) + 1)
            share = np.random.default_rng(self._seed).random(int(limit))
            x = x[(edges[:-1] + share * np.diff(edges)).astype(np.int64)]
        scores = self._forest.score(x, self._threads(), -1.0, 0.0)
        return float(np.percentile(scores, 100.0 * float(self.contamination)))

    # -- scoring ------------------------------------------------------------------------------

    def score_samples(self, X: Any) -> Floats:
        """float64[rows] in [-1, 0], low = abnormal: minus the score of the paper."""
        return self._score(X, -1.0, 0.0)

    def decision_function(self, X: Any) -> Floats:
        """float64[rows], ``score_samples(X) - offset_``: below 0 is an outlier."""
        return self._score(X, -1.0, getattr(self, "offset_", 0.0))

    def anomaly_score(self, X: Any) -> Floats:
        """float64[rows] in [0, 1], high = abnormal: 2 ** (-E[h(x)] / c(psi)) of the paper."""
        return self._score(X, 1.0, 0.0)

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """int64[rows]: -1 where ``decision_function`` is below 0, else 1."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def explain(self, X: Any) -> Floats:
        """Contributions, float64[rows, features], that add up over a row to
        ``anomaly_score(row) - baseline_``. Positive means: makes the row more abnormal.

        The method is path attribution (Saabas 2014): a step of a path changes the path length to be
        expected, and the change belongs to the feature that the step splits on. Means over trees
        are then rescaled by one factor per row from path length to score (Shrikumar et al. 2017).
        """
        return self._core_forest().explain(self._checked(X), self._threads())

    @property
    def baseline_(self) -> float:
        """Anomaly score at the expected path length of the training rows."""
        return float(self._core_forest().baseline)

    def _score(self, X: Any, factor: float, shift: float) -> Floats:
        return self._core_forest().score(self._checked(X), self._threads(), factor, shift)

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

    # -- settings -----------------------------------------------------------------------------

    def _threads(self) -> int:
        if self.n_jobs is None:
            return 1
        if self.n_jobs == 0:
            raise ConfigError("n_jobs must not be 0: use None or 1 for one thread, -1 for all")
        return int(self.n_jobs)

    def _check_params(self) -> None:
        if not isinstance(self.n_estimators, numbers.Integral) or self.n_estimators < 1:
            raise ConfigError(f"n_estimators must be an int of at least 1, got {self.n_estimators!r}")
        c = self.contamination
        if c != "auto" and not (isinstance(c, numbers.Real) and 0.0 < float(c) <= 0.5):
            raise ConfigError(f'contamination must be "auto" or in (0, 0.5], got {c!r}')
        limit = self.calibration_samples
        if limit is not None and (not isinstance(limit, numbers.Integral) or limit < 1):
            raise ConfigError(f"calibration_samples must be None or at least 1, got {limit!r}")

    def _sample_size(self, rows: int, drawable: int) -> int:
        m = self.max_samples
        if isinstance(m, str):
            if m != "auto":
                raise ConfigError(f'max_samples must be "auto", an int or a float, got {m!r}')
            size = 256
        elif isinstance(m, numbers.Integral):
            if m < 1:
                raise ConfigError(f"max_samples must be at least 1, got {m!r}")
            size = int(m)
        elif isinstance(m, numbers.Real) and 0.0 < float(m) <= 1.0:
            size = max(1, int(float(m) * rows))
        else:
            raise ConfigError(f'max_samples must be "auto", an int or in (0, 1], got {m!r}')
        return min(size, rows) if self.bootstrap else min(size, max(drawable, 1))

    def _feature_count(self, columns: int) -> int:
        m = self.max_features
        if isinstance(m, numbers.Integral) and 1 <= m <= columns:
            return int(m)
        if isinstance(m, numbers.Real) and not isinstance(m, numbers.Integral):
            share = float(m)
            if 0.0 < share <= 1.0 and math.isfinite(share):
                return max(1, int(share * columns))
        raise ConfigError(
            f"max_features must be an int in [1, {columns}] or a float in (0, 1], got {m!r}"
        )

    # -- scikit-learn's conventions, without scikit-learn ---------------------------------------

    @classmethod
    def _param_names(cls) -> list[str]:
        return sorted(p for p in inspect.signature(cls.__init__).parameters if p != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; `deep` is accepted for scikit-learn's sake."""
        return {name: getattr(self, name) for name in self._param_names()}

    def set_params(self, **params: Any) -> Self:
        """Changes constructor arguments; unknown names are refused."""
        known = self._param_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. "
                    f"Valid parameters are: {known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        core = state.pop("_forest", None)
        if core is not None:
            state["_trees"] = [core.tree(i) for i in range(core.n_trees)]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        trees = state.pop("_trees", None)
        self.__dict__.update(state)
        if trees is not None:
            self._forest = _core.IsolationForest.from_trees(trees, self.n_features_in_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_forest")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="outlier_detector",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=True),
        )
