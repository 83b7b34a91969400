"""Log analytics with anomaly detection: a C++20 core, a Python face."""

from __future__ import annotations

from logforest._core import __version__, build_info
from logforest.errors import (
    ConfigError,
    LogforestError,
    ModelError,
    ParseError,
    QueueError,
    StoreError,
)

__all__ = [
    "ConfigError",
    "LogforestError",
    "ModelError",
    "ParseError",
    "QueueError",
    "StoreError",
    "__version__",
    "build_info",
]
