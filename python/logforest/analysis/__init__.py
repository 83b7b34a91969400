"""A report on log files without a server: counts, windows, templates, anomalies with reasons.

The files are read in batches by one thread and looked at by another; memory is bounded by the
batches in between, the windows and the templates, not by the size of the files.
"""

from __future__ import annotations

from logforest.analysis.run import Analysis, analyze

__all__ = ["Analysis", "analyze"]
