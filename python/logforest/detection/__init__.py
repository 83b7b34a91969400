"""Detection: windows against what is usual, records against an isolation forest, with reasons."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from logforest import _core
from logforest.detection.detector import MODEL_VERSION, Detector
from logforest.detection.findings import KINDS, schema
from logforest.values import SEVERITIES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "KINDS",
    "MODEL_VERSION",
    "SEVERITIES",
    "Detector",
    "auto_window",
    "choose_window",
    "detect",
    "schema",
]

_WIDTHS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400}
_RECORDS_PER_WINDOW = 20
_LEAST_WINDOWS = 40
_LEAST_WARMUP = 10_000  # records


def choose_window(records: int, seconds: float, services: int = 1) -> str:
    """The narrowest width with about 20 records per service and window, and 40 windows or more.

    >>> choose_window(1_000_000, 86_400, 6), choose_window(10_000, 86_400)
    ('1m', '5m')
    """
    chosen = "1m"
    for name, width in _WIDTHS.items():
        if seconds / width < _LEAST_WINDOWS:
            break
        chosen = name
        if records * width >= _RECORDS_PER_WINDOW * seconds * services:
            break
    return chosen


def detect(
    logs: Any,
    model: Any = None,
    *,
    every: str | timedelta = "auto",
    random_state: int | None = 0,
) -> pa.Table:
    """Anomalies of a batch of logs, in order of time, with reasons.

    Parameters
    ----------
    logs : LogBatch, or what :meth:`LogBatch.from_arrow` takes. Records with ids (of a store) may
        come in any order.
    model : None: learn from these logs as they go by; a :class:`Detector` that has seen earlier
        logs, or the path of a saved one: go on with it; a fitted IsolationForest over
        ``detection.records.default_features()``: use it for records.
    every : width of a window (``"30s"``, ``"5m"``, a timedelta), or ``"auto"`` by the density of
        the logs (:func:`choose_window`).
    random_state : seed of the forest; None: another one each time.

    Returns
    -------
    pyarrow.Table with one row per (window, service, kind) or record: log_id, timestamp, service,
    kind, anomaly_score (0 to 1, 0.5 at the threshold), severity, confidence, reason, template,
    samples, actual, expected, features_used, window_start, incident_start and more. The schema's
    metadata ``status`` is a JSON object; its ``note`` says which services were not judged because
    they are too new. docs/detection.md defines every figure.

    Examples
    --------
    >>> import logforest as lf
    >>> from logforest import demo
    >>> text, labels = demo.generate(60_000, hours=6, seed=3)
    >>> anomalies = lf.detect(lf.parse(text))
    >>> {label.service for label in labels} >= set()
    True
    """
    import json

    from logforest._inputs import core_batch
    from logforest.forest import IsolationForest

    core = _in_time(core_batch(logs))
    if isinstance(every, timedelta):
        every = f"{every // timedelta(seconds=1)}s"
    if random_state is None:
        random_state = secrets.randbits(31)
    if isinstance(model, str | os.PathLike):
        detector = Detector.load(model)
    elif isinstance(model, Detector):
        detector = model
    elif model is None or isinstance(model, IsolationForest):
        width = auto_window(core) if every == "auto" else every
        detector = Detector(
            every=width,
            model=model,
            random_state=random_state,
            forest_warmup=max(_LEAST_WARMUP, core.num_rows),  # it is all there: one forest of it
        )
    else:
        raise TypeError(f"model must be a Detector or an IsolationForest, got {type(model)!r}")
    import pyarrow as pa

    table = pa.concat_tables([detector.process(core), detector.flush()]).sort_by("timestamp")
    return table.replace_schema_metadata({"status": json.dumps(detector.status())})


def _in_time(core: _core.LogBatch) -> _core.LogBatch:
    """Stores answer newest first; what came since the last record is told by what came before.

    Records without ids are known by their places and stay there.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.table(core)
    stamps = table["timestamp"].cast(pa.int64())
    if core.num_rows < 2 or table["id"].null_count:
        return core
    if pc.all(pc.less_equal(stamps[:-1], stamps[1:])).as_py():
        return core
    order = pc.sort_indices(table, sort_keys=[("timestamp", "ascending"), ("id", "ascending")])
    return _core.LogBatch.from_arrow(table.take(order).combine_chunks())


def auto_window(logs: Any, *, whole: bool = True) -> str:
    """The width of windows that suits ``logs``; not ``whole``: they are the beginning of more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from logforest._inputs import core_batch

    core = core_batch(logs)
    if core.num_rows == 0:
        return "1m"
    table = pa.table(core).select(["timestamp", "service"])
    stamps = table["timestamp"].cast(pa.int64())
    # Quantiles: a single wrong stamp must not stretch the time.
    first, last = pc.quantile(stamps, [0.001, 0.999]).to_pylist()
    services = pc.count_distinct(table["service"].combine_chunks().dictionary_decode()).as_py()
    seconds = max(1.0, (last - first) / 1e6)
    more = 1 if whole else _LEAST_WINDOWS
    return choose_window(core.num_rows * more, seconds * more, max(1, services))
