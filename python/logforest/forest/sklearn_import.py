"""Importing a forest that scikit-learn fitted. Duck-typed: scikit-learn itself is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from logforest import _core
from logforest.errors import ModelError

if TYPE_CHECKING:
    from logforest.forest import IsolationForest

__all__ = ["import_forest"]

F = TypeVar("F", bound="IsolationForest")
_LEAF = np.uint32(0xFFFFFFFF)


def _floor_float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest float32 <= value, which sends every float32 the same way as the value does."""
    limit = np.finfo(np.float32)
    rounded = np.clip(values, limit.min, limit.max).astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.asarray(np.where(rounded > values, below, rounded), dtype=np.float32)


def _tree(tree: Any, columns: npt.NDArray[np.int64], sample_size: int) -> dict[str, Any]:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    count = len(left)
    order = np.empty(count, dtype=np.int64)  # our preorder position -> their node
    place = np.empty(count, dtype=np.int64)  # their node -> our position
    stack, filled = [0], 0
    while stack:
        node = stack.pop()
        order[filled], place[node] = node, filled
        filled += 1
        if left[node] >= 0:
            stack.extend((int(right[node]), int(left[node])))
    order = order[:filled]
    inner = left[order] >= 0
    feature = np.full(filled, _LEAF, dtype=np.uint32)
    feature[inner] = columns[np.asarray(tree.feature)[order][inner]]
    threshold = np.zeros(filled, dtype=np.float32)
    threshold[inner] = _floor_float32(np.asarray(tree.threshold)[order][inner])
    rights = np.zeros(filled, dtype=np.uint32)
    rights[inner] = place[right[order][inner]]
    missing = np.asarray(getattr(tree, "missing_go_to_left", np.zeros(count)))[order] != 0
    return {
        "feature": feature,
        "threshold": threshold,
        "right": rights,
        "missing_left": (missing & inner).astype(np.uint8),
        "samples": np.asarray(tree.n_node_samples)[order].astype(np.uint32),
        "sample_size": sample_size,
    }


def import_forest(cls: type[F], model: Any) -> F:
    """See `IsolationForest.from_sklearn`. Raises ModelError for anything that is not one."""
    try:
        estimators, columns = model.estimators_, model.estimators_features_
        sample_size, features = int(model.max_samples_), int(model.n_features_in_)
        offset = float(model.offset_)
        trees = [
            _tree(estimator.tree_, np.asarray(used), sample_size)
            for estimator, used in zip(estimators, columns, strict=True)
        ]
    except AttributeError as error:
        raise ModelError(
            "expected a fitted sklearn.ensemble.IsolationForest, "
            f"got {type(model).__name__} ({error})"
        ) from None
    state = model.random_state
    self = cls(
        n_estimators=len(trees),
        max_samples=model.max_samples,
        contamination=model.contamination,
        max_features=model.max_features,
        bootstrap=bool(model.bootstrap),
        n_jobs=model.n_jobs,
        random_state=state if isinstance(state, int) else None,
    )
    self._forest = _core.IsolationForest.from_trees(trees, features)
    self.n_features_in_ = features
    self.max_samples_ = sample_size
    self.offset_ = offset
    self._seed = state if isinstance(state, int) and state >= 0 else 0
    self._grown = len(trees)
    self._stream = None
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        self.feature_names_in_ = np.asarray(names, dtype=object)
    return self
