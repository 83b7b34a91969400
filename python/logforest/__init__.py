"""Log analytics with anomaly detection: a C++20 core, a Python face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from logforest._core import __version__, build_info, set_category_model
from logforest.batch import LogBatch
from logforest.errors import (
    ConfigError,
    LogforestError,
    ModelError,
    ParseError,
    QueueError,
    StoreError,
)
from logforest.formats import (
    LogParser,
    RegexParser,
    list_formats,
    load_formats,
    register_parser,
)
from logforest.parsing import detect_format, parse, read_logs

if TYPE_CHECKING:
    from logforest.classify import LogClassifier
    from logforest.detection import Detector, detect
    from logforest.features import LogFeatureExtractor
    from logforest.forest import IsolationForest
    from logforest.masking import MaskRules, mask_pii
    from logforest.stores import open
    from logforest.templates import TemplateMiner, template_signals
    from logforest.vectorizer import TfidfVectorizer
    from logforest.windows import WindowTable, aggregate, merge

# Read when the first batch is categorised.
set_category_model(str(Path(__file__).parent / "models" / "category.lfm"))

# Public names imported on first use: importing logforest stays fast.
_LAZY = {
    "IsolationForest": "logforest.forest",
    "detect": "logforest.detection",
    "LogFeatureExtractor": "logforest.features",
    "Detector": "logforest.detection",
    "LogClassifier": "logforest.classify",
    "MaskRules": "logforest.masking",
    "mask_pii": "logforest.masking",
    "TemplateMiner": "logforest.templates",
    "TfidfVectorizer": "logforest.vectorizer",
    "WindowTable": "logforest.windows",
    "aggregate": "logforest.windows",
    "merge": "logforest.windows",
    "open": "logforest.stores",
    "template_signals": "logforest.templates",
}

__all__ = [
    "ConfigError",
    "Detector",
    "IsolationForest",
    "LogBatch",
    "LogClassifier",
    "LogFeatureExtractor",
    "LogParser",
    "LogforestError",
    "MaskRules",
    "ModelError",
    "ParseError",
    "QueueError",
    "RegexParser",
    "StoreError",
    "TemplateMiner",
    "TfidfVectorizer",
    "WindowTable",
    "__version__",
    "aggregate",
    "build_info",
    "detect",
    "detect_format",
    "list_formats",
    "load_formats",
    "mask_pii",
    "merge",
    "open",
    "parse",
    "read_logs",
    "register_parser",
    "template_signals",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'logforest' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
