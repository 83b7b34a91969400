"""Reads the JSON part of a saved forest: every field is checked, nothing is trusted."""

from __future__ import annotations

import json
import math
from typing import Any

from logforest.errors import ModelError

__all__ = ["parse_meta"]

_SCALARS = (str, bool, int, float, type(None))


def _is_int(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def parse_meta(text: bytes, features: int) -> dict[str, Any]:
    """The checked fields of `IsolationForest.to_bytes`. Raises ModelError."""
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError("the model is damaged: its description is not JSON") from None
    if not isinstance(meta, dict):
        raise ModelError("the model is damaged: its description is not an object")
    params, offset, names = meta.get("params"), meta.get("offset"), meta.get("feature_names")
    stream = meta.get("stream")
    good = (
        isinstance(params, dict)
        and all(isinstance(value, _SCALARS) for value in params.values())
        and type(offset) is float
        and math.isfinite(offset)
        and _is_int(meta.get("max_samples"), 1, (1 << 32) - 1)
        and _is_int(meta.get("seed"), 0, (1 << 64) - 1)
        and _is_int(meta.get("grown"), 0, (1 << 63) - 1)
        and (stream is None or isinstance(stream, dict))
    )
    if not good:
        raise ModelError("the model is damaged: its description lacks a field or has a wrong one")
    if names is not None and not (
        isinstance(names, list)
        and len(names) == features
        and all(isinstance(name, str) for name in names)
    ):
        raise ModelError("the model is damaged: its feature names do not fit its features")
    return meta
