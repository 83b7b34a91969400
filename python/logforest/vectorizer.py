"""TF-IDF rows of messages, equal to scikit-learn's, in C++."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self, TypeVar

from logforest import _core
from logforest._estimator import CoreModel, tags
from logforest._inputs import text_source
from logforest.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["TfidfVectorizer", "WordModel"]

C = TypeVar("C", "_core.TfidfVectorizer", "_core.LogClassifier")


class WordModel(CoreModel[C]):
    """What says which words of a text count and how: settings of vectorizer and classifier."""

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
        self._core: C | None = None

    def _options(self) -> dict[str, Any]:
        """The settings as the core takes them."""
        if self.norm not in ("l1", "l2", None):
            raise ConfigError(f"norm must be 'l1', 'l2' or None, not {self.norm!r}")
        names = inspect.signature(WordModel.__init__).parameters
        return {name: getattr(self, name) for name in names if name not in ("self", "n_jobs")}


class TfidfVectorizer(WordModel["_core.TfidfVectorizer"]):
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
    >>> from logforest import TfidfVectorizer
    >>> v = TfidfVectorizer().fit(["disk full", "disk ok"])
    >>> v.get_feature_names_out().tolist()
    ['disk', 'full', 'ok']
    >>> v.transform_arrays(["disk disk"])[0].tolist()
    [1.0]
    """

    _core_class = _core.TfidfVectorizer
    _unfitted = "the vectorizer is not fitted: call fit first"

    def fit(self, messages: Any, y: object = None) -> Self:
        """Learn vocabulary and idf."""
        core = _core.TfidfVectorizer(self._options())
        core.fit(text_source(messages))
        self._core = core
        return self

    def transform_arrays(
        self, messages: Any
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return data, indices and indptr of the rows in compressed sparse row form."""
        return self._fitted().transform(text_source(messages), self._threads())

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

    def __sklearn_tags__(self) -> Any:
        return tags("transformer")
