"""Saving and loading forests."""

from __future__ import annotations

import json
import numbers
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logforest import _core
from logforest._model_file import ModelFile
from logforest.errors import ConfigError, ModelError
from logforest.forest.growing import GrownForest
from logforest.forest.meta import parse_meta
from logforest.forest.stream import Stream

__all__ = ["SavedForest"]


def _json_value(value: Any) -> str | int | float | bool | None:
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else None


class SavedForest(GrownForest, ModelFile):
    """``to_bytes`` and ``from_bytes``; copy and pickle go through them."""

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
        scores: npt.NDArray[np.float64] = np.empty(0)
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
