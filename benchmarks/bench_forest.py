"""Isolation Forest against scikit-learn, isotree and coniferest; results asserted.

100 trees of 256 rows, float64 in C order, through Python, contenders in turn within each round and
the best of the rounds kept. Results: an imported scikit-learn forest scores as scikit-learn does
(1e-6), all kernels and thread counts agree bit for bit, contributions add up (1e-6), and each
peer's own random forest ranks the rows as ours does (Spearman).
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import isotree
import joblib
import numpy as np
from coniferest.isoforest import IsolationForest as Coniferest
from sklearn.ensemble import IsolationForest as Sklearn

import logforest as lf
from logforest import _core

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = 5
Job = tuple[str, Callable[[], object], float]  # name, work, units of work
warnings.filterwarnings("ignore")


def best(jobs: list[Job], rounds: int = ROUNDS) -> dict[str, float]:
    """Units per second of every job, contenders interleaved."""
    rates: dict[str, float] = {name: 0.0 for name, _, _ in jobs}
    for _ in range(rounds):
        for name, work, units in jobs:
            start = time.perf_counter()
            work()
            rates[name] = max(rates[name], units / (time.perf_counter() - start))
    return rates


def table(title: str, rates: dict[str, float], unit: str, against: str, scale: float = 1.0) -> None:
    print(f"\n{title}")
    for name, rate in rates.items():
        ratio = rate / rates[against]
        print(f"  {name:34}{rate / scale:14,.1f} {unit:10}{ratio:8.2f} x {against}")


def with_kernels(name: str, work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        _core.select_forest_kernels(name)
        try:
            return work()
        finally:
            _core.select_forest_kernels("auto")

    return run


def ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values))


def check(x: np.ndarray, ours: lf.IsolationForest, peers: dict[str, np.ndarray]) -> None:
    part = x[:5000]
    theirs = Sklearn(random_state=0).fit(x)
    imported = lf.IsolationForest.from_sklearn(theirs)
    gap = np.abs(imported.score_samples(part) - theirs.score_samples(part)).max()
    assert gap < 1e-6, gap
    expected = ours.score_samples(x)
    for name in ("baseline", "v3", "v4", "auto"):
        try:
            _core.select_forest_kernels(name)
        except lf.ConfigError:
            continue
        assert np.array_equal(ours.score_samples(x), expected)
    ours.n_jobs = 2
    assert np.array_equal(ours.score_samples(x), expected)
    ours.n_jobs = None
    shares = ours.explain(part).sum(axis=1)
    assert np.abs(shares - (ours.anomaly_score(part) - ours.baseline_)).max() < 1e-6
    for name, scores in peers.items():
        agreement = np.corrcoef(ranks(scores), ranks(expected[: len(scores)]))[0, 1]
        assert agreement > 0.6, (name, agreement)
    print(f"results agree (imported forest: {gap:.1e}); kernels: {_core.forest_kernels()}")


def main() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 32))
    small = np.ascontiguousarray(x[:10_000])
    one = x[:1].copy()

    ours = lf.IsolationForest(random_state=0, contamination="auto").fit(x)
    skl = Sklearn(random_state=0).fit(x)
    con1 = Coniferest(random_seed=0, n_jobs=1)
    con1.fit(x)
    con2 = Coniferest(random_seed=0, n_jobs=2)
    con2.fit(x)
    iso = isotree.IsolationForest(
        ntrees=100, sample_size=256, ndim=1, missing_action="fail", nthreads=1, random_seed=0
    ).fit(x)
    check(
        x,
        ours,
        {"scikit-learn": skl.score_samples(small), "coniferest": con1.score_samples(small)},
    )

    def sklearn_two() -> object:
        with joblib.parallel_config(backend="threading", n_jobs=2):
            return skl.score_samples(x)

    def threads(n: int) -> Callable[[], object]:
        def run() -> object:
            ours.n_jobs = n if n > 1 else None
            return ours.score_samples(x)

        return run

    score_one = threads(1)
    rates = best(
        [
            ("coniferest", lambda: con1.score_samples(x), ROWS),
            ("isotree", lambda: iso.predict(x), ROWS),
            ("scikit-learn", lambda: skl.score_samples(x), ROWS),
            ("logforest", score_one, ROWS),
            ("logforest, v3 kernels", with_kernels("v3", score_one), ROWS),
            ("logforest, baseline kernels", with_kernels("baseline", score_one), ROWS),
        ]
    )
    table(f"score {ROWS:,} x 32, one thread", rates, "k rows/s", "coniferest", 1e3)
    print(f"  {'':34}{'':27}{rates['logforest'] / rates['scikit-learn']:6.2f} x scikit-learn")
    rates = best(
        [
            ("coniferest", lambda: con2.score_samples(x), ROWS),
            ("scikit-learn", sklearn_two, ROWS),
            ("logforest", threads(2), ROWS),
            ("logforest, baseline kernels", with_kernels("baseline", threads(2)), ROWS),
        ]
    )
    ours.n_jobs = None
    table(f"score {ROWS:,} x 32, two threads", rates, "k rows/s", "coniferest", 1e3)

    shapes(rng)

    def repeat(work: Callable[[np.ndarray], object], times: int) -> Callable[[], object]:
        def run() -> None:
            for _ in range(times):
                work(one)

        return run

    rates = best(
        [
            ("coniferest", repeat(con1.score_samples, 500), 500),
            ("isotree", repeat(iso.predict, 200), 200),
            ("scikit-learn", repeat(skl.score_samples, 5), 5),
            ("logforest", repeat(ours.score_samples, 5000), 5000),
        ],
        3,
    )
    table("one row", rates, "rows/s", "coniferest")
    print("  " + ", ".join(f"{name} {1e6 / rate:,.2f} us" for name, rate in rates.items()))

    def fit(rows: np.ndarray) -> Callable[[], object]:
        return lambda: lf.IsolationForest(random_state=1, contamination="auto").fit(rows)

    rates = best(
        [
            ("coniferest", lambda: Coniferest(random_seed=1, n_jobs=1).fit(x), 1),
            ("scikit-learn", lambda: Sklearn(random_state=1).fit(x), 1),
            ("logforest", fit(x), 1),
            ("logforest, a tenth of the rows", fit(small), 1),
            ("logforest, ten times the rows", fit(rng.normal(size=(10 * ROWS, 32))), 1),
            ("logforest, contamination=0.1", lambda: lf.IsolationForest(random_state=1).fit(x), 1),
        ]
    )
    table(f"fit {ROWS:,} x 32, one thread", rates, "fits/s", "coniferest")
    print("  " + ", ".join(f"{name} {1e3 / rate:,.2f} ms" for name, rate in rates.items()))

    rates = best(
        [
            ("coniferest feature_signature", lambda: con1.feature_signature(small), len(small)),
            ("logforest explain", lambda: ours.explain(small), len(small)),
        ]
    )
    table(f"contributions {len(small):,} x 32", rates, "k rows/s", next(iter(rates)), 1e3)

    stream(np.ascontiguousarray(x[:25_600, :8]))
    size(ours, con1, skl, iso)


def shapes(rng: np.random.Generator) -> None:
    """Other numbers of rows and columns, one thread, forests of each contender's own."""
    for rows, columns in ((ROWS // 10, 32), (ROWS, 8), (10 * ROWS, 32)):
        x = rng.normal(size=(rows, columns))
        ours = lf.IsolationForest(random_state=0, contamination="auto").fit(x)
        skl = Sklearn(random_state=0).fit(x)
        con = Coniferest(random_seed=0, n_jobs=1)
        con.fit(x)
        part = x[:5000]
        same = lf.IsolationForest.from_sklearn(skl).score_samples(part)
        assert np.abs(same - skl.score_samples(part)).max() < 1e-6
        rates = best(
            [
                ("coniferest", lambda: con.score_samples(x), rows),  # noqa: B023  (called at once)
                ("scikit-learn", lambda: skl.score_samples(x), rows),  # noqa: B023  (called at once)
                ("logforest", lambda: ours.score_samples(x), rows),  # noqa: B023  (called at once)
            ],
            5 if rows < 10 * ROWS else 1,
        )
        table(f"score {rows:,} x {columns}, one thread", rates, "k rows/s", "coniferest", 1e3)


def stream(events: np.ndarray) -> None:
    """Every batch of 256 rows is scored, then learned."""
    batches = [events[i : i + 256] for i in range(0, len(events), 256)]

    def recipe() -> None:
        forest = Coniferest(random_seed=0, n_jobs=1)
        forest.fit(batches[0])
        for batch in batches:
            forest.score_samples(batch)
            forest = Coniferest(random_seed=0, n_jobs=1)
            forest.fit(batch)

    def learn(renewal: float, contamination: float | str) -> Callable[[], object]:
        def run() -> None:
            forest = lf.IsolationForest(random_state=0, contamination=contamination)
            forest.partial_fit(batches[0])
            for batch in batches:
                forest.score_samples(batch)
                forest.partial_fit(batch, renewal=renewal)

        return run

    rates = best(
        [
            ("coniferest, refit every 256", recipe, len(events)),
            ("logforest, all trees every 256", learn(1.0, "auto"), len(events)),
            ("logforest, a quarter (default)", learn(0.25, "auto"), len(events)),
            ("logforest, also moving threshold", learn(0.25, 0.1), len(events)),
        ],
        3,
    )
    table("stream x 8, score and learn", rates, "k events/s", next(iter(rates)), 1e3)


def size(ours: lf.IsolationForest, con: Coniferest, skl: Sklearn, iso: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        ours.save(path)
        mine = path.stat().st_size
        theirs = len(pickle.dumps(con))
        loads = best([("load", lambda: lf.IsolationForest.load(path), 1)])["load"]
        print(f"\nmodel: logforest {mine:,} bytes ({mine / theirs:.2f} x coniferest's {theirs:,}),")
        print(f"  scikit-learn {len(pickle.dumps(skl)):,}, isotree {len(pickle.dumps(iso)):,}")
        print(f"  loads in {1e3 / loads:.2f} ms")


if __name__ == "__main__":
    main()
