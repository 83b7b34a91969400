"""Record-level detection: an isolation forest over the features of single records.

The forest is grown on the first records and grown anew from a sample of later ones; what counts
as unusual is set on the scores of records that it was not told to be unusual (held-in).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logforest import _core
from logforest.detection.surprise import Pareto, true_share
from logforest.features import LogFeatureExtractor
from logforest.forest import IsolationForest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    # A batch, the number of its first record, a part of it that begins at this row, its features.
    Waiting = tuple[_core.LogBatch, int, int, Matrix]

EXCEEDANCE = 2e-5  # share of usual records that reach the threshold
OWN = ("response_time", "message_length")  # also compared with records of the same kind
# By forest and by kind: floor below which a value is silent, least scale of its tail.
_FLOORS = (0.6, 4.0, 4.0)
_LEAST_SCALES = (0.003, 0.2, 0.2)
_TAIL_SHARES = (0.005, 0.02, 0.02)
_PRIOR = (0.2, 2000.0)  # shape of a tail, and the number of records that outweigh it
_MOST_KINDS = 50_000
_SAMPLE_ROWS = 20_000
REFIT_EVERY = 100_000  # records; benchmarks/bench_detector_forest.py compares
_LEAST_ROWS = 500
_MOST_PARTS = 200  # of the sample, before they are put together
_REMEMBERED_ROWS = 1_000_000  # over which records as strange as this one are counted
_REMEMBERED = 8192  # and at most so many of them


@dataclass(slots=True)
class Unusual:
    """A record over the threshold: row in its batch, calibrated surprise in nats."""

    row: int
    surprise: float
    score: float
    confidence: float
    contributions: np.ndarray
    values: np.ndarray
    own: str | None = None  # what is far off for its kind, where that says more than the forest


def default_features() -> LogFeatureExtractor:
    """What a single record can be unusual in: not when, where or among what it came."""
    return LogFeatureExtractor(service=False, temporal=False, rolling=False, tfidf=0, n_jobs=1)


def with_exposure(rows: Matrix, names: list[str], seed: int) -> Matrix:
    """Rows and some made-up strange ones (outlier exposure, Hendrycks et al. 2019).

    A tree cannot split on what is the same in all its rows, so a forest grown on a quiet service
    would not see its first 503. Copies of rows with one or two features far off give it splits.
    """
    rng = np.random.default_rng(seed)
    extra = rows[rng.integers(0, len(rows), max(64, len(rows) // 25))].copy()
    count = len(extra)
    far: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "response_time": lambda old: old * np.exp(rng.uniform(2, 7, count)),
        "response_time_deviation": lambda _: rng.uniform(4, 12, count),
        "status_code": lambda _: rng.choice([400, 403, 404, 429, 500, 502, 503, 504], count),
        "message_length": lambda old: (old + 10) * np.exp(rng.uniform(1.5, 4, count)),
        "endpoint_length": lambda old: (old + 10) * np.exp(rng.uniform(1.5, 4, count)),
        "template_rarity": lambda _: rng.uniform(8, 20, count),
        "level": lambda _: np.ones(count),
    }
    which = rng.integers(0, len(far), (count, 2))
    levels = [k for k, name in enumerate(names) if name.startswith("level_")]
    for number, (name, make) in enumerate(far.items()):
        chosen = (which == number).any(axis=1)
        if name == "level":
            severe = rng.choice(levels[-3:], count)
            extra[np.ix_(chosen, levels)] = 0.0
            extra[chosen, severe[chosen]] = 1.0
            continue
        column = names.index(name)
        chosen &= ~np.isnan(extra[:, column])
        extra[chosen, column] = make(extra[:, column])[chosen]
    return np.concatenate([rows, extra]).astype(np.float32)


class RecordJudge:
    """Streaming: ``features`` moves the carried state, ``judge`` scores rows of it."""

    def __init__(
        self, warmup: int, seed: int, n_jobs: int | None, forest: IsolationForest | None = None
    ) -> None:
        self.warmup = warmup
        self.seed = seed
        self.n_jobs = n_jobs
        # No record is looked at to begin with: the first ones must not look common to themselves.
        self.extractor = default_features().fit(_core.LogBatch())
        self.names: list[str] = list(self.extractor.get_feature_names_out())
        self.forest = forest
        self.fixed = forest is not None  # a model of the user's is not grown anew
        self._parts = [np.zeros((0, len(self.names) + len(OWN)), np.float32)]
        self.sampled = 0  # rows that were offered to the sample
        self.since_fit = 0
        self.fits = 0
        self.kinds = _core.Kinds(most_kinds=_MOST_KINDS)
        self.tails: list[Pareto] = []  # of forest scores and of each of OWN
        self.usual = np.zeros(0, np.float32)  # median of every feature over the sample
        self.judged = 0  # rows
        self.strange = np.zeros((2, 0))  # rows judged when they came, surprise: over the threshold

    @property
    def ready(self) -> bool:
        """Whether there is a forest with a calibrated threshold."""
        return self.fits > 0

    @property
    def sample(self) -> Matrix:
        """The latest rows that were picked: what the forest is grown on."""
        self._put_together()
        return self._parts[0]

    @sample.setter
    def sample(self, rows: Matrix) -> None:
        self._parts = [rows]

    def _put_together(self) -> None:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)[-_SAMPLE_ROWS:]]

    def features(self, logs: _core.LogBatch) -> Matrix:
        """Features of a batch; the carried state moves on."""
        return self.extractor.update(logs)

    def with_own(self, rows: Matrix, logs: _core.LogBatch, begin: int) -> Matrix:
        """Features, and how far each of OWN is off for the record's kind; NaN: nothing known."""
        width = len(self.names)
        own = self.kinds.deviations(logs, begin, begin + len(rows))
        return np.concatenate([rows[:, :width], own], axis=1)

    def room(self) -> int:
        """How many rows are left until the forest is grown: none of a batch may straddle that."""
        return max(1, self._due_after - (self.since_fit if self.fits else self.sampled))

    @property
    def _due_after(self) -> int:
        return REFIT_EVERY if self.fits else max(self.warmup, _LEAST_ROWS)

    def learn(self, rows: Matrix, logs: _core.LogBatch, begin: int) -> bool:
        """Offer at most :meth:`room` rows to the sample; True: it is time for :meth:`fit`.

        Which rows are taken depends on their number in the stream, not on how it was cut.
        """
        self.kinds.add(logs, begin, begin + len(rows))
        stride = max(1, self._due_after // _SAMPLE_ROWS)
        picked = rows[-self.sampled % stride :: stride]
        self._parts.append(picked.copy())
        if len(self._parts) >= _MOST_PARTS:
            self._put_together()
        self.since_fit += len(rows)
        self.sampled += len(rows)
        return (self.since_fit if self.fits else self.sampled) >= self._due_after

    def fit(self, waiting: Iterable[Waiting] = ()) -> bool:
        """Grow the forest on the sample, set what is usual; False with too few rows.

        ``waiting``: records from before there was anything to compare them with.
        """
        if len(self.sample) < _LEAST_ROWS:
            return False
        self.kinds.turn()
        rows = np.ascontiguousarray(self.sample[:, : len(self.names)])
        if not self.fixed:
            self.forest = IsolationForest(random_state=self.seed + self.fits, n_jobs=self.n_jobs)
            self.forest.fit(with_exposure(rows, self.names, self.seed + self.fits))
        parts = [self.with_own(part, core, begin) for core, _, begin, part in waiting]
        own = (np.concatenate(parts) if parts else self.sample)[:, len(self.names) :]
        values = [self._forest_scores(rows), *own.T]
        self.tails = list(map(self._tail, values, _TAIL_SHARES, _LEAST_SCALES))
        present = [column[~np.isnan(column)] for column in rows.T]
        self.usual = np.array([np.median(c) if len(c) else 0.0 for c in present], np.float32)
        self.fits += 1
        self.since_fit = 0
        return True

    @staticmethod
    def _tail(values: np.ndarray, share: float, least: float) -> Pareto:
        values = values[~np.isnan(values)]
        if len(values) < _LEAST_ROWS:
            return Pareto(share, np.inf, least, _PRIOR[0])
        return Pareto.fit(values, share, least, _PRIOR)

    def _forest_scores(self, rows: Matrix) -> np.ndarray:
        assert self.forest is not None
        return self.forest.anomaly_score(rows)

    def surprise(self, scores: np.ndarray, own: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Nats of every record, and what tells most: 0 the forest, k the k-th of OWN.

        Minus the logarithm of a bound (Bonferroni) on the share of usual records that are as
        strange by one of these.
        """
        nats = np.zeros((len(self.tails), len(scores)))
        for k, (tail, floor) in enumerate(zip(self.tails, _FLOORS, strict=True)):
            values = scores if k == 0 else own[:, k - 1]
            over = values >= floor  # NaN is not
            nats[k, over] = tail.surprise(values[over])
        return np.maximum(nats.max(axis=0) - np.log(len(nats)), 0.0), nats.argmax(axis=0)

    @property
    def threshold(self) -> float:
        """The surprise from which a record is reported."""
        return float(-np.log(EXCEEDANCE))

    def judge(self, rows: Matrix, most: int) -> tuple[list[Unusual], int]:
        """The ``most`` strangest rows over the threshold, and how many were over it."""
        assert self.forest is not None
        width = len(self.names)
        own, rows = rows[:, width:], np.ascontiguousarray(rows[:, :width])
        scores = self._forest_scores(rows)
        surprise, by = self.surprise(scores, own)
        over = np.flatnonzero(surprise >= self.threshold)
        count = len(over)
        numbers = self.judged + 1.0 + over
        self.judged += len(rows)
        strange = np.concatenate([self.strange, [numbers, surprise[over]]], axis=1)
        begin = len(strange[0]) - count
        self.strange = strange[:, -_REMEMBERED:]
        if count == 0:
            return [], 0
        chosen = np.arange(count)
        if count > most:
            chosen = np.argsort(-surprise[over], kind="stable")[:most]
        confidence = [self._confidence(strange[:, : begin + k + 1]) for k in chosen]
        over = over[chosen]
        contributions = self.forest.explain(rows[over])
        found = [
            Unusual(
                int(r),
                float(surprise[r]),
                float(scores[r]),
                float(p),
                c,
                rows[r],
                OWN[by[r] - 1] if by[r] else None,
            )
            for r, p, c in zip(over, confidence, contributions, strict=True)
        ]
        return found, count

    @staticmethod
    def _confidence(strange: np.ndarray) -> float:
        """Share of the records as strange as the last one that usual ones do not account for.

        Over the latest million records, itself included; :func:`true_share`.
        """
        numbers, surprise = strange[:, -_REMEMBERED:]
        now, level = numbers[-1], surprise[-1]
        back = now - numbers[0] + 1 if len(numbers) == _REMEMBERED else now
        back = min(back, _REMEMBERED_ROWS)
        there = int((surprise[numbers > now - back] >= level).sum())
        return float(true_share(np.array(back * np.exp(-level)), there))
