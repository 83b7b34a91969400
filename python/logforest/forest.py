"""Isolation Forest: scikit-learn's names and signs, a C++ core, explanations, streams, own files.

scikit-learn is not needed; where it is installed the estimator works in its pipelines and searches.
"""

from __future__ import annotations

import inspect
import json
import math
import numbers
import secrets
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logforest import _core
from logforest._estimator import shown
from logforest._matrix import (
    Matrix,
    as_matrix,
    as_weights,
    check_names,
    feature_names,
    not_fitted,
)
from logforest._model_file import ModelFile
from logforest._model_meta import parse_meta
from logforest._stream import Stream
from logforest.errors import ConfigError, ModelError

__all__ = ["IsolationForest"]

Floats = npt.NDArray[np.float64]
_SEED_MASK = (1 << 64) - 1
_TAIL_ROWS = 256  # flagged rows of a calibration sample: their share is known to 6 %


def _quantile(values: Floats, share: float) -> float:
    """np.quantile with linear interpolation, without its fixed cost."""
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    part = np.partition(values, (low, high))
    return float(part[low] + (part[high] - part[low]) * (position - low))


def _json_value(value: Any) -> str | int | float | bool | None:
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else None


def _seed_of(random_state: Any) -> int:
    """An unsigned 64-bit seed from an int, a NumPy generator, or None (fresh entropy)."""
    if random_state is None:
        return secrets.randbits(64)
    if isinstance(random_state, numbers.Integral):
        return int(random_state) & _SEED_MASK
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 1 << 63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, (1 << 31) - 1))
    raise ConfigError(
        "random_state must be None, an int, a numpy Generator or a RandomState, "
        f"got {random_state!r}"
    )


class IsolationForest(ModelFile):
    """Isolation Forest (Liu, Ting, Zhou, ICDM 2008) with scikit-learn's interface.

    Parameters
    ----------
    n_estimators : int
        Number of trees.
    max_samples : "auto", int or float
        Rows drawn per tree: ``min(256, n)``, a number, or a share of the rows. Counts of rare
        events need more: ``int(256 / contamination)`` (docs/detection.md, "Sessions").
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
    calibration_samples : "auto", int or None
        With a float contamination and more rows than this, ``offset_`` is the quantile over a
        random sample of this many rows (one from each of as many equal stretches), which keeps
        ``fit`` independent of the number of rows. "auto" takes ``256 / contamination`` rows:
        the share that is flagged then has a relative standard error of 6 %. None scores all rows.

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
        calibration_samples: str | int | None = "auto",
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
        self._seed = _seed_of(self.random_state)
        self._grown = 0
        self._stream: Stream | None = None
        self._forest = self._grow(x, int(self.n_estimators), sample_size, weights=weights)
        self._set_schema(x, names)
        self.max_samples_ = sample_size
        self.offset_ = self._calibrate(x)
        return self

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
            self._seed = _seed_of(self.random_state)
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
            self.offset_ = _quantile(-stream.recent_scores, float(self.contamination))

    def _period(self) -> int:
        if isinstance(self.max_samples, str):
            return 256
        if isinstance(self.max_samples, numbers.Integral) and self.max_samples >= 1:
            return int(self.max_samples)
        raise ConfigError(
            'partial_fit needs max_samples to be "auto" or an int: a stream has no end'
        )

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

    def fit_predict(self, X: Any, y: object = None, sample_weight: Any = None) -> Any:
        """``fit(X)`` and then ``predict(X)``: int64[rows], -1 for outliers and 1 for inliers."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

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
        return _quantile(scores, float(self.contamination))

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
        # The core refuses what it cannot read in place; only then is X looked at closely. That
        # saves a third of the time of a single row.
        if type(X) is np.ndarray and self.n_jobs is None and not hasattr(self, "feature_names_in_"):
            try:
                return self._forest.score(X, 1, factor, shift)
            except (AttributeError, ConfigError, ModelError):
                pass
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

    # -- files --------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The fitted model as bytes: little-endian, versioned, checksummed, no code inside.

        A random_state that is a generator is saved as None; the forest does not need it.
        """
        core = self._core_forest()
        params = {k: _json_value(v) for k, v in self.get_params().items()}
        names = getattr(self, "feature_names_in_", None)
        meta: dict[str, Any] = {
            "params": params,
            "offset": self.offset_,
            "max_samples": self.max_samples_,
            "feature_names": None if names is None else [str(name) for name in names],
            "seed": self._seed,
            "grown": self._grown,
            "stream": None if self._stream is None else self._stream.meta(),
        }
        rows: npt.NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        scores: Floats = np.empty(0)
        if self._stream is not None:
            rows, scores = self._stream.arrays()
        return core.save(json.dumps(meta), rows, scores)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises ModelError for anything cut, altered or foreign."""
        self = cls()
        meta = self._restore(bytes(data))
        params = meta["params"]
        unknown = set(params) - set(cls._param_names())
        if unknown:
            raise ModelError(f"the model is damaged: unknown parameters {sorted(unknown)}")
        self.set_params(**params)
        try:
            self._check_params()
        except ConfigError as error:
            raise ModelError(f"the model is damaged: {error}") from None
        return self

    @classmethod
    def from_sklearn(cls, model: Any) -> Self:
        """A fitted ``sklearn.ensemble.IsolationForest`` with the same scores (to 1e-6)."""
        from logforest._sklearn import import_forest

        return import_forest(cls, model)

    def _restore(self, data: bytes) -> dict[str, Any]:
        forest, text, rows, scores = _core.IsolationForest.load(data)
        meta = parse_meta(text, forest.n_features)
        self._forest = forest
        self.n_features_in_ = forest.n_features
        self.offset_ = meta["offset"]
        self.max_samples_ = meta["max_samples"]
        self._seed = meta["seed"]
        self._grown = meta["grown"]
        if meta["feature_names"] is not None:
            self.feature_names_in_ = np.asarray(meta["feature_names"], dtype=object)
        stream = meta["stream"]
        self._stream = (
            None if stream is None else Stream.restore(stream, forest.n_features, rows, scores)
        )
        return meta

    # -- settings -----------------------------------------------------------------------------

    def _threads(self) -> int:
        if self.n_jobs is None:
            return 1
        if self.n_jobs == 0:
            raise ConfigError("n_jobs must not be 0: use None or 1 for one thread, -1 for all")
        return int(self.n_jobs)

    def _check_params(self) -> None:
        if not isinstance(self.n_estimators, numbers.Integral) or self.n_estimators < 1:
            raise ConfigError(f"n_estimators must be an int above 0, got {self.n_estimators!r}")
        c = self.contamination
        if c != "auto" and not (isinstance(c, numbers.Real) and 0.0 < float(c) <= 0.5):
            raise ConfigError(f'contamination must be "auto" or in (0, 0.5], got {c!r}')
        limit = self.calibration_samples
        if limit not in (None, "auto") and (not isinstance(limit, numbers.Integral) or limit < 1):
            raise ConfigError(
                f'calibration_samples must be "auto", None or at least 1, got {limit!r}'
            )

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
        return shown(self)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters, and the saved bytes when fitted: copy and pickle work through them."""
        state: dict[str, Any] = {"params": self.get_params()}
        if hasattr(self, "_forest"):
            state["model"] = self.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state["params"].items():
            setattr(self, name, value)
        if "model" in state:
            self._restore(state["model"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_forest")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="outlier_detector",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=True),
        )
