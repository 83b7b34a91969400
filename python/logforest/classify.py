"""A naive Bayes classifier of log messages over TF-IDF, equal to scikit-learn's, in C++."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from logforest import _core
from logforest._estimator import tags
from logforest._inputs import text_source
from logforest._model_file import ModelFile
from logforest.errors import ConfigError
from logforest.vectorizer import TfidfVectorizer, WordModel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["DEFAULT_MODEL", "LogClassifier", "TfidfVectorizer"]

#: The classifier that ships (docs/classifier.md says how it was made and where it fails).
DEFAULT_MODEL = Path(__file__).parent / "models" / "category.lfm"


class LogClassifier(WordModel["_core.LogClassifier"], ModelFile):
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
    >>> from logforest import LogClassifier
    >>> c = LogClassifier().fit(["disk full", "login failed", "disk slow"], ["ops", "sec", "ops"])
    >>> c.predict(["disk is full"]).tolist()
    ['ops']
    >>> LogClassifier.default().predict_one("Failed password for root from 10.0.0.1")
    'Security'
    """

    _core_class = _core.LogClassifier

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
        super().__init__(
            ngram_range=ngram_range,
            min_df=min_df,
            max_df=max_df,
            max_features=max_features,
            norm=norm,
            use_idf=use_idf,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
            keep_numbers=keep_numbers,
            n_jobs=n_jobs,
        )
        self.method = method
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.calibrate = calibrate
        self.default_label = default_label
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
            vectorizer=self._options(),
        )

    def _fitted(self) -> _core.LogClassifier:
        return _shipped() if self._core is None else self._core

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


@functools.cache
def _shipped() -> _core.LogClassifier:
    """The model that an estimator answers with before it was fitted."""
    return LogClassifier.default()._fitted()


def _labels(labels: Any) -> Any:
    source = text_source(labels)
    return [str(label) for label in source] if isinstance(source, list | tuple) else source
