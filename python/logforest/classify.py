"""TF-IDF and a naive Bayes classifier for log messages, equal to scikit-learn's, in C++."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from logforest import _core
from logforest._estimator import shown, tags
from logforest._model_file import ModelFile
from logforest.errors import ConfigError, ModelError
from logforest.templates import text_source

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["DEFAULT_MODEL", "LogClassifier", "TfidfVectorizer"]

#: The classifier that ships (docs/classifier.md says how it was made and where it fails).
DEFAULT_MODEL = Path(__file__).parent / "models" / "category.lfm"


class _Parameters:
    """scikit-learn's parameter convention: ``__init__`` only stores."""

    _names: ClassVar[tuple[str, ...]] = ()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        return {name: getattr(self, name) for name in self._names}

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters; they take effect with the next ``fit``."""
        for name, value in params.items():
            if name not in self._names:
                raise ConfigError(f"unknown parameter {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return shown(self)


_VECTORIZER = (
    "ngram_range",
    "min_df",
    "max_df",
    "max_features",
    "norm",
    "use_idf",
    "smooth_idf",
    "sublinear_tf",
    "keep_numbers",
)


def _vectorizer_options(params: dict[str, Any]) -> dict[str, Any]:
    options = {name: params[name] for name in _VECTORIZER}
    if options["norm"] not in ("l1", "l2", None):
        raise ConfigError(f"norm must be 'l1', 'l2' or None, not {options['norm']!r}")
    return options


class TfidfVectorizer(_Parameters):
    """Texts to TF-IDF rows: scikit-learn's TfidfVectorizer with its default words, in C++.

    Words are two or more word characters (Unicode letters, digits, underscore), in lower case.
    With the same settings, vocabulary, idf and rows equal scikit-learn's to rounding.

    Parameters
    ----------
    ngram_range, min_df, max_df, max_features, norm, use_idf, smooth_idf, sublinear_tf :
        as in scikit-learn.
    keep_numbers : False leaves out words that hold a digit (ids, counters).
    n_jobs : threads of ``transform``; None: one per core. The result does not depend on it.

    Attributes
    ----------
    vocabulary_ : dict word -> column. idf_ : float64 ``[n_words]``.

    Examples
    --------
    >>> v = TfidfVectorizer().fit(["disk full", "disk ok"])
    >>> v.get_feature_names_out().tolist()
    ['disk', 'full', 'ok']
    >>> v.transform_arrays(["disk disk"])[0].tolist()
    [1.0]
    """

    _names = (*_VECTORIZER, "n_jobs")

    def __init__(
        self,
        *,
        ngram_range: tuple[int, int] = (1, 1),
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        keep_numbers: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.keep_numbers = keep_numbers
        self.n_jobs = n_jobs
        self._core: _core.TfidfVectorizer | None = None

    def _fitted(self) -> _core.TfidfVectorizer:
        if self._core is None:
            raise ModelError("the vectorizer is not fitted: call fit first")
        return self._core

    def fit(self, messages: Any, y: object = None) -> Self:
        """Learn vocabulary and idf."""
        core = _core.TfidfVectorizer(_vectorizer_options(self.get_params()))
        core.fit(text_source(messages))
        self._core = core
        return self

    def transform_arrays(
        self, messages: Any
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return data, indices and indptr of the rows in compressed sparse row form."""
        threads = -1 if self.n_jobs is None else self.n_jobs
        return self._fitted().transform(text_source(messages), threads)

    def transform(self, messages: Any) -> Any:
        """Return ``[n_messages, n_words]``: scipy's csr_matrix, or dense float32 without scipy."""
        data, indices, indptr = self.transform_arrays(messages)
        shape = (len(indptr) - 1, len(self._fitted().words()))
        try:
            from scipy.sparse import csr_matrix
        except ImportError:
            import numpy as np

            dense = np.zeros(shape, np.float32)
            dense[np.repeat(np.arange(shape[0]), np.diff(indptr)), indices] = data
            return dense
        return csr_matrix((data, indices, indptr), shape=shape)

    def fit_transform(self, messages: Any, y: object = None) -> Any:
        """Learn from ``messages`` and return their rows."""
        source = text_source(messages)
        return self.fit(source).transform(source)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return the words, in the order of the columns."""
        import numpy as np

        return np.array(self._fitted().words(), dtype=object)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Column of each word."""
        return {word: i for i, word in enumerate(self._fitted().words())}

    @property
    def idf_(self) -> npt.NDArray[np.float64]:
        """Inverse document frequency of each column."""
        return self._fitted().idf()

    def __sklearn_is_fitted__(self) -> bool:
        return self._core is not None

    def __sklearn_tags__(self) -> Any:
        return tags("transformer")

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_core"] = None if self._core is None else self._core.save()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_core"] is not None:
            self._core = _core.TfidfVectorizer.load(state["_core"])


class LogClassifier(_Parameters, ModelFile):
    """Classify messages: TF-IDF and naive Bayes, with calibrated probabilities.

    Labels equal those of scikit-learn's ``TfidfVectorizer`` + ``ComplementNB`` or
    ``MultinomialNB`` on the same data. Probabilities are ``softmax(scores / T)``; the temperature
    T is fitted on held-in data (each third of the examples scored by a model of the other two;
    Guo et al., ICML 2017), which changes no label. Before ``fit``, an estimator answers with the
    model that ships (:meth:`default`); ``fit`` and ``partial_fit`` start from nothing.

    Parameters
    ----------
    method : ``complement`` (Rennie et al., ICML 2003; the better one for uneven classes) or
        ``multinomial``.
    alpha : additive smoothing, above 0.
    fit_prior : multinomial only: class frequencies count.
    calibrate : False leaves T at 1.
    default_label : label of messages without any known word; None leaves it to the scores.
    ngram_range, min_df, max_df, max_features, norm, use_idf, smooth_idf, sublinear_tf,
    keep_numbers : of the :class:`TfidfVectorizer`.
    n_jobs : threads; None: one per core. The result does not depend on it.

    Attributes
    ----------
    classes_ : labels, sorted. temperature_ : T.

    Examples
    --------
    >>> c = LogClassifier().fit(["disk full", "login failed", "disk slow"], ["ops", "sec", "ops"])
    >>> c.predict(["disk is full"]).tolist()
    ['ops']
    >>> LogClassifier.default().predict_one("Failed password for root from 10.0.0.1")
    'Security'
    """

    _names = (
        "method", "alpha", "fit_prior", "calibrate", "default_label", *_VECTORIZER, "n_jobs",
    )  # fmt: skip

    def __init__(
        self,
        *,
        method: str = "complement",
        alpha: float = 1.0,
        fit_prior: bool = True,
        calibrate: bool = True,
        default_label: str | None = None,
        ngram_range: tuple[int, int] = (1, 1),
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        keep_numbers: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        self.method = method
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.calibrate = calibrate
        self.default_label = default_label
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.keep_numbers = keep_numbers
        self.n_jobs = n_jobs
        self._core: _core.LogClassifier | None = None
        self._classes: npt.NDArray[np.str_] | None = None

    @classmethod
    def default(cls) -> LogClassifier:
        """Return the classifier that ships: Business, General, Performance, Security."""
        return cls.load(DEFAULT_MODEL)

    def _new_core(self) -> _core.LogClassifier:
        if self.method not in ("complement", "multinomial"):
            raise ConfigError(f"method must be complement or multinomial, not {self.method!r}")
        return _core.LogClassifier(
            method=self.method,
            alpha=self.alpha,
            fit_prior=self.fit_prior,
            calibrate=self.calibrate,
            default_label=self.default_label or "",
            vectorizer=_vectorizer_options(self.get_params()),
        )

    def _fitted(self) -> _core.LogClassifier:
        return _shipped() if self._core is None else self._core

    def _threads(self) -> int:
        return -1 if self.n_jobs is None else self.n_jobs

    def _learned(self, core: _core.LogClassifier) -> Self:
        import numpy as np

        self._core = core
        self._classes = np.array(core.classes)
        return self

    def fit(self, messages: Any, labels: Any) -> Self:
        """Learn from messages and their labels (str), forgetting what was known."""
        core = self._new_core()
        core.fit(text_source(messages), _labels(labels))
        return self._learned(core)

    def partial_fit(self, messages: Any, labels: Any, classes: Any = None) -> Self:
        """Add examples; new words and new classes are taken up.

        Examples keep the weights they had when they came, so the order of the parts matters a
        little, and the temperature stays that of ``fit``.
        """
        if self._core is None:
            return self.fit(messages, labels)
        self._core.partial_fit(text_source(messages), _labels(labels))
        return self._learned(self._core)

    def predict(self, messages: Any) -> npt.NDArray[np.str_]:
        """Return the label of each message, ``[n_messages]``."""
        core = self._fitted()
        codes = core.predict(text_source(messages), self._threads())
        labels: npt.NDArray[np.str_] = self.classes_.take(codes)
        return labels

    def predict_one(self, message: str) -> str:
        """Return the label of one message, without the cost of arrays."""
        return self._fitted().predict_one(message)

    def predict_proba(self, messages: Any) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities ``[n_messages, n_classes]`` in the order of classes_."""
        return self._fitted().predict_proba(text_source(messages), self._threads())

    def score(self, messages: Any, labels: Any) -> float:
        """Return the share of messages whose label is predicted right."""
        import numpy as np

        return float(np.mean(self.predict(messages) == np.asarray(_labels(labels))))

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """Labels, sorted."""
        import numpy as np

        return np.array(self._fitted().classes) if self._classes is None else self._classes

    @property
    def words_(self) -> list[str]:
        """Words (and word sequences) the model knows."""
        return self._fitted().words

    @property
    def temperature_(self) -> float:
        """Temperature of the probabilities: above 1 the raw scores were too sure."""
        return self._fitted().temperature

    def to_bytes(self) -> bytes:
        """Return the model in logforest's own format: versioned, checksummed, no pickle."""
        return self._fitted().save()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote; ModelError for anything else."""
        core = _core.LogClassifier.load(data)
        options = core.options()
        options["default_label"] = options["default_label"] or None
        return cls(**options)._learned(core)

    def __sklearn_is_fitted__(self) -> bool:
        return True  # with the model that ships, at least

    def __sklearn_tags__(self) -> Any:
        return tags("classifier")

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_core"] = None if self._core is None else self.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_core"] is not None:
            self._core = _core.LogClassifier.load(state["_core"])


@functools.cache
def _shipped() -> _core.LogClassifier:
    """The model that an estimator answers with before it was fitted."""
    return LogClassifier.default()._fitted()


def _labels(labels: Any) -> Any:
    source = text_source(labels)
    return [str(label) for label in source] if isinstance(source, list | tuple) else source
