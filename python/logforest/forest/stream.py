"""What `IsolationForest.partial_fit` remembers between calls.

Rows are gathered into periods of `period` rows. At the end of a period its rows join the recent
ones (the last four periods), from which new trees are grown. Periods are counted in rows, never in
calls, so cutting a stream differently gives the same forest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from logforest.errors import ModelError

__all__ = ["Stream"]

_PERIODS_KEPT = 4
# When protection would drop more of a period than this, the world has changed: nothing is dropped.
_MOST_SKIPPED = 0.5
_MOST_CELLS = 1 << 27  # of one period, in a file


def _rows(columns: int) -> npt.NDArray[np.float32]:
    return np.empty((0, columns), dtype=np.float32)


def _scores() -> npt.NDArray[np.float64]:
    return np.empty(0, dtype=np.float64)


@dataclass
class Stream:
    """Rows and scores of the current period (`pending_*`) and of the last ones (`recent_*`)."""

    period: int
    columns: int
    seen: int = 0
    warming: bool = True
    recent_rows: npt.NDArray[np.float32] = field(init=False)
    recent_scores: npt.NDArray[np.float64] = field(default_factory=_scores)
    pending: int = 0
    pending_rows: npt.NDArray[np.float32] = field(init=False)
    pending_scores: npt.NDArray[np.float64] = field(init=False)
    pending_skip: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.recent_rows = _rows(self.columns)
        self.pending_rows = np.empty((self.period, self.columns), dtype=np.float32)
        self.pending_scores = np.zeros(self.period, dtype=np.float64)
        self.pending_skip = np.zeros(self.period, dtype=np.bool_)

    def room(self) -> int:
        """Rows until the forest changes: the period's end or, while warming up, twice the rows."""
        if self.warming and self.pending > 0:
            return min(self.period, 1 << self.pending.bit_length()) - self.pending
        return 1 if self.warming else self.period - self.pending

    def add(
        self,
        rows: npt.NDArray[Any],
        scores: npt.NDArray[np.float64] | None,
        skip: npt.NDArray[np.bool_] | None,
    ) -> None:
        """Appends at most `room()` rows."""
        at = slice(self.pending, self.pending + len(rows))
        self.pending_rows[at] = rows
        self.pending_scores[at] = 0.5 if scores is None else scores
        self.pending_skip[at] = False if skip is None else skip
        self.pending += len(rows)
        self.seen += len(rows)

    def warm_rows(self) -> npt.NDArray[np.float32]:
        """All rows seen so far, while there are fewer than a period."""
        return self.pending_rows[: self.pending]

    def end_period(self) -> None:
        """Moves the full period to the recent rows, without those that protection skips."""
        skip = self.pending_skip
        kept = self.pending_rows if skip.mean() > _MOST_SKIPPED else self.pending_rows[~skip]
        limit = _PERIODS_KEPT * self.period
        self.recent_rows = np.concatenate([self.recent_rows, kept])[-limit:]
        self.recent_scores = np.concatenate([self.recent_scores, self.pending_scores])[-limit:]
        self.pending = 0
        self.warming = False

    # -- saved with the model -------------------------------------------------------------------

    def arrays(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Rows and scores, recent then pending."""
        n = self.pending
        return (
            np.concatenate([self.recent_rows, self.pending_rows[:n]]),
            np.concatenate([self.recent_scores, self.pending_scores[:n]]),
        )

    def meta(self) -> dict[str, Any]:
        """The rest, as JSON values."""
        return {
            "period": self.period,
            "seen": self.seen,
            "warming": self.warming,
            "pending": self.pending,
            "skip": [int(i) for i in np.flatnonzero(self.pending_skip[: self.pending])],
        }

    @classmethod
    def restore(
        cls,
        meta: dict[str, Any],
        columns: int,
        rows: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float64],
    ) -> Stream:
        """The inverse of `arrays` and `meta`; raises ModelError for what they never return."""
        numbers = [meta.get(key) for key in ("period", "seen", "pending")]
        skip, warming = meta.get("skip"), meta.get("warming")
        damaged = ModelError("the model is damaged: its stream state makes no sense")
        if not all(type(v) is int and v >= 0 for v in numbers) or not isinstance(skip, list):
            raise damaged
        period, seen, pending = (int(v) for v in numbers if v is not None)
        most = (_PERIODS_KEPT + 1) * period
        if not (
            type(warming) is bool
            and all(type(v) is int and 0 <= v < pending for v in skip)
            and period >= 1
            and period * columns <= _MOST_CELLS
            and pending <= min(period, len(scores))
            and len(rows) % columns == 0
            and pending <= len(rows) // columns <= most
            and len(scores) <= most
        ):
            raise damaged
        stream = cls(period=period, columns=columns, seen=seen, warming=bool(warming))
        table = rows.reshape(-1, columns)
        stream.recent_rows = table[: len(table) - pending].copy()
        stream.recent_scores = scores[: len(scores) - pending].copy()
        if pending:
            stream.pending = pending
            stream.pending_rows[:pending] = table[len(table) - pending :]
            stream.pending_scores[:pending] = scores[len(scores) - pending :]
            stream.pending_skip[skip] = True
        return stream
