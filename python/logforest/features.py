"""Features of log records: batches in, a float32 matrix out, by one pass in the C++ core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from logforest import _core
from logforest._estimator import Parameters, tags
from logforest._inputs import core_batch
from logforest._model_file import ModelFile
from logforest.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LogFeatureExtractor"]

_GROUPS = ("numeric", "level", "service", "temporal", "rolling", "deviation", "rarity")


class LogFeatureExtractor(Parameters, ModelFile):
    """Turn log records into a matrix for :class:`logforest.IsolationForest` and its kind.

    Follows scikit-learn's conventions (``get_params``, ``fit``, ``transform``,
    ``get_feature_names_out``) without needing it. The matrix is float32, row-major,
    ``[n_records, n_features]``; a missing value is NaN.

    Parameters
    ----------
    numeric : ``response_time`` (ms), ``status_code``, ``message_length``, ``endpoint_length``
        (bytes).
    level : one column per level, one-hot.
    service : one column per service seen in ``fit`` (the ``max_services`` most frequent); all
        others set ``service_other``.
    temporal : hour of day and day of week as sine and cosine (UTC), and
        ``seconds_since_last`` (seconds since the service's latest record before this one).
    rolling : mean and standard deviation of response time and of the share of errors of the
        service before the record, with exponential weights of time constant ``tau_seconds``.
    deviation : ``response_time_deviation``: how many standard deviations of the logarithm the
        record's response time is off (NaN until the service has weight for it).
    rarity : ``template_rarity``: log2((records so far + 1) / (records of this template + 1)),
        counted in a count-min sketch (Cormode and Muthukrishnan 2005).
    tfidf : number of words with a TF-IDF column (the most frequent; smooth idf and unit rows as
        scikit-learn's TfidfVectorizer). 0: none.
    n_jobs : threads; None: one per core. The result does not depend on it.

    Notes
    -----
    ``transform`` is pure: it continues from the carried state but does not change it.
    ``update`` is for streams: it returns the same rows and moves the state on, so
    ``update(a)``, ``update(b)`` gives the rows of ``update(a + b)`` for any split. It must not be
    called from two threads at once. ``merge`` adds the state of an extractor that saw other
    records.

    Examples
    --------
    >>> import pyarrow as pa
    >>> logs = pa.table({
    ...     "timestamp": pa.array([0, 1_000_000], pa.timestamp("us", "UTC")),
    ...     "level": ["INFO", "ERROR"], "service": ["api", "api"],
    ...     "message": ["ok", "failed"], "response_time": [5.0, None]})
    >>> from logforest import LogFeatureExtractor
    >>> extractor = LogFeatureExtractor(tfidf=0).fit(logs)
    >>> extractor.transform(logs).shape
    (2, 22)
    >>> extractor.get_feature_names_out()[:2].tolist()
    ['response_time', 'status_code']
    """

    def __init__(
        self,
        *,
        numeric: bool = True,
        level: bool = True,
        service: bool = True,
        temporal: bool = True,
        rolling: bool = True,
        deviation: bool = True,
        rarity: bool = True,
        max_services: int = 32,
        tfidf: int = 32,
        tau_seconds: float = 900.0,
        n_jobs: int | None = None,
    ) -> None:
        self.numeric = numeric
        self.level = level
        self.service = service
        self.temporal = temporal
        self.rolling = rolling
        self.deviation = deviation
        self.rarity = rarity
        self.max_services = max_services
        self.tfidf = tfidf
        self.tau_seconds = tau_seconds
        self.n_jobs = n_jobs

    def fit(self, logs: Any, y: Any = None) -> LogFeatureExtractor:
        """Learn services, vocabulary and template counts; the rolling state starts empty."""
        for name in ("max_services", "tfidf"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 0:
                raise ConfigError(f"{name} must be a whole number of 0 or more")
        extractor = _core.FeatureExtractor(
            **{name: bool(getattr(self, name)) for name in _GROUPS},
            max_services=self.max_services,
            tfidf=self.tfidf,
            tau_seconds=float(self.tau_seconds),
        )
        extractor.fit(core_batch(logs))
        self._set_core(extractor)
        return self

    def _set_core(self, extractor: _core.FeatureExtractor) -> None:
        self._extractor = extractor
        self.n_features_out_ = len(extractor.names())

    def _fitted(self) -> _core.FeatureExtractor:
        if not hasattr(self, "_extractor"):
            raise ModelError("this LogFeatureExtractor is not fitted: call fit first")
        return self._extractor

    def transform(self, logs: Any) -> npt.NDArray[np.float32]:
        """Features of ``logs`` (float32 ``[n_records, n_features]``); the state stays."""
        return self._fitted().transform(core_batch(logs), self.n_jobs or 0, False)

    def update(self, logs: Any) -> npt.NDArray[np.float32]:
        """As ``transform``, and the state moves on behind these records."""
        return self._fitted().transform(core_batch(logs), self.n_jobs or 0, True)

    def fit_transform(self, logs: Any, y: Any = None) -> npt.NDArray[np.float32]:
        """``fit(logs).transform(logs)``."""
        return self.fit(logs).transform(logs)

    def merge(self, other: LogFeatureExtractor) -> LogFeatureExtractor:
        """Add the state of ``other``; both must come from the same fit (equal columns)."""
        self._fitted().merge(other._fitted())
        return self

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns, in order."""
        import numpy as np

        return np.array(self._fitted().names(), dtype=object)

    def to_bytes(self) -> bytes:
        """State and columns in an own, checksummed form; see :meth:`from_bytes`."""
        return self._fitted().save()

    @classmethod
    def from_bytes(cls, data: bytes, *, n_jobs: int | None = None) -> Self:
        """Read :meth:`to_bytes`; raises ModelError on anything else."""
        extractor = cls(n_jobs=n_jobs)
        core = _core.FeatureExtractor.load(data)
        for name, value in core.options().items():
            setattr(extractor, name, value)
        extractor._set_core(core)
        return extractor

    def __getstate__(self) -> dict[str, Any]:
        state = self.get_params()
        if hasattr(self, "_extractor"):
            state["_bytes"] = self.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        data = state.pop("_bytes", None)
        self.__dict__.update(state)
        if data is not None:
            self._set_core(_core.FeatureExtractor.load(data))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_extractor")

    def __sklearn_tags__(self) -> Any:
        return tags("transformer")
