"""Isolation Forest: scikit-learn's names and signs, a C++ core, explanations, streams, own files.

scikit-learn is not needed; where it is installed the estimator works in its pipelines and searches.
"""

from __future__ import annotations

from logforest.forest.model import IsolationForest

__all__ = ["IsolationForest"]
