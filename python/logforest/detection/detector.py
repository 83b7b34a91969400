"""The streaming detector: batches in, anomalies out; all per-record work is in the core."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from logforest import _core
from logforest._inputs import core_batch
from logforest._model_file import ModelFile
from logforest.detection import state
from logforest.detection.baselines import DAY_RING
from logforest.detection.explain import Explainer
from logforest.detection.findings import Finding, to_table
from logforest.detection.records import RecordJudge
from logforest.detection.windows import WindowJudge
from logforest.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.forest import IsolationForest

__all__ = ["MODEL_VERSION", "Detector", "window_seconds"]

MODEL_VERSION = "default-1"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WIDEST = 366 * 86_400  # as of lf.aggregate
_MOST_RECORD_FINDINGS = 100  # per batch and per 50,000 records; the strangest stay
_PER_TEMPLATE = 3  # of one template and window: the others would say the same
_RECENT_WINDOWS = 16  # for which that is counted
_EVERYTHING = 1 << 62
_SERVICE_COLUMNS = (
    "count", "errors", "client_errors", "auth_failures", "users", "residuals", "residual_sum",
    "residual_squares", "last_id",
)  # fmt: skip


def window_seconds(every: str) -> int:
    """Seconds of ``"30s"``, ``"1m"``, ``"2h"``; ConfigError on anything else."""
    unit = _UNITS.get(every[-1:], 0) if isinstance(every, str) else 0
    if not unit or not every[:-1].isdecimal() or not 1 <= int(every[:-1]) * unit <= _WIDEST:
        raise ConfigError(f"a window is a number and s, m, h or d, like 1m; got {every!r}")
    return int(every[:-1]) * unit


class Detector(ModelFile):
    """Find anomalies in a stream of batches.

    Window level: per service and window, errors, answers, latency, volume, failed logins and
    templates against what is usual for the service. Record level: an isolation forest over the
    features of single records. Every anomaly says what was seen and what is usual.

    Parameters
    ----------
    every : width of a window (``"1m"``).
    grace_seconds : how long a window stays open for late records, in time of the logs.
    warmup_windows, warmup_records : a service is judged after both; until then it is learned.
    forest_warmup : records before the forest is grown. Those before it are judged afterwards;
        it is grown anew every 100,000 records.
    model : a fitted IsolationForest over ``detection.records.default_features()``; None: own.
    random_state : seed of the forest. Same records and seed, same anomalies.
    n_jobs : threads of the forest (None: one).
    max_services, max_templates : bounds of the state; services beyond share one name, templates
        beyond are not followed.

    Notes
    -----
    Not for two threads at once. State is bounded by the two limits (about 7 kB a service and
    1 kB a template at most). How records in order of time come in batches makes no difference,
    but for floods: of those the strangest of each batch are listed.

    Examples
    --------
    >>> from logforest import demo
    >>> import logforest as lf
    >>> text, _ = demo.generate(20_000, hours=4, seed=1)
    >>> detector = lf.Detector()
    >>> early = detector.process(lf.parse(text))
    >>> "reason" in early.column_names and detector.flush().num_rows >= 0
    True
    """

    _magic = state.MAGIC

    def __init__(
        self,
        *,
        every: str = "1m",
        grace_seconds: float = 15.0,
        warmup_windows: int = 20,
        warmup_records: int = 400,
        forest_warmup: int = 10_000,
        model: IsolationForest | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        max_services: int = 4096,
        max_templates: int = 50_000,
    ) -> None:
        self.options = {
            "every": every,
            "grace_seconds": grace_seconds,
            "warmup_windows": warmup_windows,
            "warmup_records": warmup_records,
            "forest_warmup": forest_warmup,
            "random_state": random_state,
            "n_jobs": n_jobs,
            "max_services": max_services,
            "max_templates": max_templates,
        }
        self.every = every
        self.width = window_seconds(every)
        self.grace_us = int(grace_seconds * 1e6)
        self._signals = _core.Signals(
            window_us=self.width * 1_000_000,
            max_services=max_services,
            max_templates=max_templates,
        )
        self._windows = WindowJudge(warmup_windows, warmup_records, self._signals)
        self._records = RecordJudge(forest_warmup, random_state, n_jobs, model)
        self._explainer = Explainer(self._signals, self._windows, self._records, self.width)
        # Before the forest: batch, number of its first record, part that waits, features of it.
        self._waiting: deque[tuple[_core.LogBatch, int, int, Any]] = deque()
        self._listed: dict[int, dict[tuple[str, int | None], int]] = {}  # by window, while recent
        self._next: int | None = None  # the window to be judged next
        self._judged = 0
        self._suppressed = 0
        self.model_version = MODEL_VERSION

    # --- the stream -------------------------------------------------------------------------
    def process(self, logs: Any) -> pa.Table:
        """Take in a batch and return the anomalies that it brought to light (may be empty).

        ``logs``: a LogBatch or an Arrow table of log columns. Ids are those of the ``id``
        column, or row numbers counted over all batches where it is null.
        """
        core = core_batch(logs)
        if core.num_rows == 0:
            return to_table([], self.model_version)
        first_row = self._signals.records
        self._signals.add(core)
        findings = self._judge_windows(self._end())
        findings += self._judge_records(core, first_row)
        return to_table(findings, self.model_version)

    def fit(self, logs: Any) -> Detector:
        """Learn from ``logs`` what is usual; anomalies in them are not reported."""
        self.process(logs)
        return self

    def flush(self) -> pa.Table:
        """Judge what is still open: the last windows, and records before the forest was grown."""
        findings: list[Finding] = []
        findings += self._judge_windows(_EVERYTHING)
        if self._waiting and self._records.fit(self._waiting):
            findings += self._judge_waiting()
        self._waiting.clear()
        return to_table(findings, self.model_version)

    def to_bytes(self) -> bytes:
        """All that it knows and holds, in an own checksummed form: what is read goes on from here.

        Open windows and records that wait for the first forest are in it.
        """
        return state.dump(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read :meth:`to_bytes`; raises ModelError on anything else."""
        return state.restore(data, cls)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)

    def status(self) -> dict[str, Any]:
        """Where the detector stands: JSON-ready."""
        warm = self._windows.warm()
        names = self._signals.services()
        cold = [names[i].split("\x1f")[-1] for i in range(len(warm)) if not warm[i]]
        known = int(warm.sum())
        note = ""
        if cold:
            shown = ", ".join(cold[:5]) + ("…" if len(cold) > 5 else "")
            note = (
                f"still learning {len(cold)} of {len(cold) + known} services ({shown}): each is "
                f"judged after {self._windows.warmup_windows} windows of {self.every} and "
                f"{self._windows.warmup_records} records"
            )
        return {
            "records": self._signals.records,
            "late_records": self._signals.late,
            "windows_judged": self._judged,
            "services": len(names),
            "services_learning": len(cold),
            "templates": self._signals.num_slots,
            "forest_ready": self._records.ready,
            "record_findings_not_listed": self._suppressed,
            "model_version": self.model_version,
            "note": note,
        }

    def template_counts(self) -> list[tuple[str, int, str]]:
        """(example, records in judged windows, template) of every message shape of a service."""
        total = self._windows.templates.total
        rows = []
        for slot in range(len(total)):
            _, text, example = self._signals.slot(slot)
            rows.append((example, int(total[slot]), text))
        return rows

    # --- records ----------------------------------------------------------------------------
    def _judge_records(self, core: _core.LogBatch, first_row: int) -> list[Finding]:
        rows = self._records.features(core)
        findings: list[Finding] = []
        begin = 0
        while begin < len(rows):
            part = rows[begin : begin + self._records.room()]
            part = self._records.with_own(part, core, begin)
            if self._records.ready:
                findings += self._report(core, first_row, begin, part)
            else:
                self._waiting.append((core, first_row, begin, part))
            if self._records.learn(part, core, begin) and self._records.fit(self._waiting):
                findings += self._judge_waiting()
            begin += len(part)
        return findings

    def _judge_waiting(self) -> list[Finding]:
        findings: list[Finding] = []
        while self._waiting:
            core, first_row, begin, rows = self._waiting.popleft()
            rows = self._records.with_own(rows, core, begin)
            findings += self._report(core, first_row, begin, rows)
        return findings

    def _report(self, core: _core.LogBatch, first_row: int, begin: int, rows: Any) -> list[Finding]:
        most = _MOST_RECORD_FINDINGS * (1 + len(rows) // 50_000)
        found, count = self._records.judge(rows, 4 * most)
        if not found:
            return []
        import pyarrow as pa

        for unusual in found:
            unusual.row += begin
        picked = pa.table(core).take([f.row for f in found])
        findings = self._explainer.records(found, picked, first_row)
        kept = [f for f in findings if self._list(f)][:most]
        self._suppressed += count - len(kept)
        return kept

    def _list(self, finding: Finding) -> bool:
        """Whether it is among the first of its template and window."""
        window = finding.window_us[0]
        if window not in self._listed:
            self._listed[window] = {}
            if len(self._listed) > _RECENT_WINDOWS:
                del self._listed[min(self._listed)]
        seen = self._listed.get(window, {})
        key = (finding.service, finding.template_id)
        seen[key] = seen.get(key, 0) + 1
        return seen[key] <= _PER_TEMPLATE

    # --- windows ----------------------------------------------------------------------------
    def _end(self) -> int:
        """The first window that is not over yet."""
        return (self._signals.watermark_us - self.grace_us) // (self.width * 1_000_000)

    def _judge_windows(self, end: int) -> list[Finding]:
        if self._next is not None and end == self._next:
            return []
        cells, templates, statuses = self._signals.take(end)
        if len(cells["window"]) == 0:
            return []
        names = self._signals.services()
        self._windows.resize(len(names), self._signals.slot_columns(0))
        self._explainer.names = names
        findings: list[Finding] = []
        starts = {
            kind: np.append(np.flatnonzero(np.diff(part["window"], prepend=-_EVERYTHING)),
                            len(part["window"]))
            for kind, part in (("c", cells), ("t", templates), ("s", statuses))
        }  # fmt: skip
        position = {"t": 0, "s": 0}
        for begin, stop in zip(starts["c"], starts["c"][1:], strict=False):
            window = int(cells["window"][begin])
            self._skip_to(window)
            dense = self._dense(cells, slice(begin, stop), len(names))
            part = {}
            for kind, source in (("t", templates), ("s", statuses)):
                at = position[kind]
                here = starts[kind]
                if at < len(here) - 1 and source["window"][here[at]] == window:
                    part[kind] = slice(here[at], here[at + 1])
                    position[kind] += 1
                else:
                    part[kind] = slice(0, 0)
            slots = templates["facet"][part["t"]]
            counts = templates["count"][part["t"]].astype(float)
            hits = self._windows.tick(window, dense, slots, counts)
            self._judged += int(stop - begin)
            if hits:
                findings += self._explainer.windows(
                    hits, dense, cells, begin, templates, part["t"], statuses, part["s"]
                )
            self._explainer.learn_statuses(window, statuses, part["s"])
            self._next = window + 1
        return findings

    def _skip_to(self, window: int) -> None:
        """Windows without any record: the feed was off, nobody is blamed."""
        if self._next is None or window < self._next:
            return
        gap = range(max(self._next, window - DAY_RING), window)
        if gap:
            self._windows.services.day[:, np.array(gap) % DAY_RING] = np.nan

    @staticmethod
    def _dense(cells: dict[str, Any], part: slice, size: int) -> dict[str, np.ndarray]:
        at = cells["service"][part]
        out = {}
        for name in _SERVICE_COLUMNS:
            out[name] = np.zeros(size)
            out[name][at] = cells[name][part]
        out["latency"] = np.zeros((size, _core.LATENCY_BINS))
        out["latency"][at] = cells["latency"][part]
        out["row"] = np.full(size, -1)
        out["row"][at] = np.arange(part.start, part.stop)
        return out
