"""Turns what a user has into a C-contiguous float64 or float32 matrix, without a copy if possible.

NumPy arrays of the right type pass through untouched. pandas and Polars frames, Arrow tables and
anything with ``__arrow_c_stream__`` keep their column names; nulls become NaN (missing).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from logforest.errors import ModelError

__all__ = ["Matrix", "as_matrix", "as_weights", "check_names", "feature_names", "not_fitted"]

Matrix = npt.NDArray[Any]

_NATIVE = (np.dtype(np.float64), np.dtype(np.float32))


def feature_names(data: object) -> npt.NDArray[np.object_] | None:
    """Column names of a frame or table, or None if it has none or they are not all strings."""
    if isinstance(data, np.ndarray | list | tuple):
        return None
    names = getattr(data, "column_names", None)  # Arrow
    if names is None:
        names = getattr(data, "columns", None)  # pandas, Polars, dataframe-likes
    if names is None or callable(names):
        return None
    names = list(names)
    if names and all(isinstance(name, str) for name in names):
        return np.asarray(names, dtype=object)
    if any(isinstance(name, str) for name in names):
        raise TypeError(
            "Feature names are only supported if all input features have string names, "
            "but your input has other types as well; convert them to str, "
            "for example with X.columns = X.columns.astype(str)."
        )
    return None


def _from_arrow(data: Any) -> Matrix:
    import pyarrow as pa

    table = data if isinstance(data, pa.Table) else pa.table(data)
    out = np.empty((table.num_rows, table.num_columns), dtype=np.float64)
    for i, column in enumerate(table.columns):
        try:
            out[:, i] = column.cast(pa.float64(), safe=False).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            name = table.column_names[i]
            raise ValueError(
                f"could not convert column {name!r} ({column.type}) to float: {error}"
            ) from error
    return out


def _to_array(data: Any) -> Matrix:
    if isinstance(data, np.ndarray):
        return data
    if hasattr(data, "toarray") and hasattr(data, "nnz"):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    if hasattr(data, "iloc") and hasattr(data, "to_numpy"):  # pandas
        try:
            return np.asarray(data.to_numpy(dtype=np.float64, na_value=np.nan))
        except TypeError:
            return np.asarray(data)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _from_arrow(data)
    return np.asarray(data)


def as_matrix(data: Any) -> Matrix:
    """The values as a C-contiguous float64 or float32 array of shape (rows, features).

    Raises ValueError (or TypeError for sparse or non-numeric data) in scikit-learn's words.
    """
    array = _to_array(data)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.ndim != 2:
        hint = (
            " Reshape your data either using array.reshape(-1, 1) if your data has a single "
            "feature or array.reshape(1, -1) if it contains a single sample."
        )
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead:\narray={array}.\n{hint}"
        )
    for axis, what in ((0, "sample(s)"), (1, "feature(s)")):
        if array.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what} (shape={array.shape}) while a minimum of 1 is required."
            )
    if array.dtype not in _NATIVE:
        if array.dtype.kind not in "biufOUS":
            raise ValueError(f"dtype {array.dtype} cannot be used as features")
        array = array.astype(np.float64)
    return np.ascontiguousarray(array)


def as_weights(weights: Any, rows: int) -> npt.NDArray[np.float64] | None:
    """Sample weights as float64[rows]; None stays None, a number weighs all rows alike."""
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(rows, float(array))
    if array.ndim != 1:
        raise ValueError("Sample weights must be 1D array or scalar")
    if array.shape != (rows,):
        raise ValueError(f"sample_weight.shape == {array.shape}, expected {(rows,)}!")
    return np.ascontiguousarray(array)


def check_names(
    owner: str, expected: npt.NDArray[np.object_] | None, seen: npt.NDArray[np.object_] | None
) -> None:
    """Warns or raises, in scikit-learn's words, when the columns are not those of `fit`."""
    if expected is None and seen is None:
        return
    if expected is None:
        warnings.warn(
            f"X has feature names, but {owner} was fitted without feature names",
            UserWarning,
            stacklevel=4,
        )
        return
    if seen is None:
        warnings.warn(
            f"X does not have valid feature names, but {owner} was fitted with feature names",
            UserWarning,
            stacklevel=4,
        )
        return
    if len(seen) == len(expected) and bool(np.all(seen == expected)):
        return
    message = "The feature names should match those that were passed during fit.\n"
    message += _listed("Feature names unseen at fit time:\n", sorted(set(seen) - set(expected)))
    missing = sorted(set(expected) - set(seen))
    message += _listed("Feature names seen at fit time, yet now missing:\n", missing)
    if set(seen) == set(expected):
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(message)


def _listed(title: str, names: Sequence[str], limit: int = 5) -> str:
    if not names:
        return ""
    lines = [f"- {name}\n" for name in names[:limit]]
    if len(names) > limit:
        lines.append("- ...\n")
    return title + "".join(lines)


def not_fitted(owner: str) -> Exception:
    """A ModelError that is also scikit-learn's NotFittedError where scikit-learn is loaded."""
    message = (
        f"This {owner} instance is not fitted yet. Call 'fit' with appropriate arguments "
        "before using this estimator."
    )
    sklearn = sys.modules.get("sklearn.exceptions")
    if sklearn is None:
        return ModelError(message)
    kind = type("NotFittedError", (ModelError, sklearn.NotFittedError), {})
    error: Exception = kind(message)
    return error
