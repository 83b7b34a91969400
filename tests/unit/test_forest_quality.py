"""Detection quality on public data: as good as scikit-learn's forest, set by set.

ADBench (Han et al., NeurIPS 2022): area under the ROC curve over 25 seeds, fitted and scored on all
rows. `http` (567,498 rows) is cut to a fixed random 60,000 to save scikit-learn's time.

HDFS: counts of events per block (Xu et al., SOSP 2009), the 100,000-line part. The stated figures
are AUROC 0.708 and F1 0.581 for scikit-learn's forest with its usual 256 rows per tree, fitted and
scored on the same blocks; here on halves: fitted on one, scored on the other. The published F1 of
loglizer, 0.802, is for all 575,061 blocks; of the normal ones a 1 % sample is at hand, each counted
100 times.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as SklearnForest
from sklearn.metrics import f1_score, roc_auc_score

import logforest as lf

SHARED = Path(__file__).parents[3] / "shared" / "data"
SEEDS = [137 * i for i in range(25)]

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data")


def _adbench() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    sets = {}
    for path in sorted((SHARED / "adbench").glob("*.npz")):
        with np.load(path) as archive:
            x, y = archive["X"].astype(np.float32), archive["y"].astype(int)
        if len(x) > 60_000:
            keep = np.random.default_rng(0).permutation(len(x))[:60_000]
            x, y = x[keep], y[keep]
        sets[path.stem] = (x, y)
    return sets


def _area(kind: type, x: np.ndarray, y: np.ndarray, seed: int) -> float:
    forest = kind(random_state=seed, contamination="auto").fit(x)
    return float(roc_auc_score(y, -forest.score_samples(x)))


@pytest.mark.slow
def test_adbench_areas_equal_scikit_learns(capsys: pytest.CaptureFixture[str]) -> None:
    ours_means, theirs_means = [], []
    failures = []
    lines = [f"{'set':16}{'ours':>9}{'sklearn':>9}{'gap':>9}{'allowed':>9}"]
    for name, (x, y) in _adbench().items():
        ours = np.array([_area(lf.IsolationForest, x, y, seed) for seed in SEEDS])
        theirs = np.array(
            joblib.Parallel(n_jobs=2)(
                joblib.delayed(_area)(SklearnForest, x, y, seed) for seed in SEEDS
            )
        )
        error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / len(SEEDS))
        gap, allowed = ours.mean() - theirs.mean(), max(0.01, 3 * error)
        ours_means.append(ours.mean())
        theirs_means.append(theirs.mean())
        lines.append(f"{name:16}{ours.mean():9.4f}{theirs.mean():9.4f}{gap:9.4f}{allowed:9.4f}")
        if abs(gap) > allowed:
            failures.append(name)
    lines.append(f"{'mean':16}{np.mean(ours_means):9.4f}{np.mean(theirs_means):9.4f}")
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert len(ours_means) >= 12
    assert not failures
    assert abs(np.mean(ours_means) - np.mean(theirs_means)) < 0.003


def test_a_small_set_equals_scikit_learns() -> None:
    with np.load(SHARED / "adbench" / "6_cardio.npz") as archive:
        x, y = archive["X"], archive["y"]
    ours = [_area(lf.IsolationForest, x, y, seed) for seed in SEEDS]
    # scikit-learn 1.9.1 over five seeds: 0.9318, standard deviation 0.0121 (data/README.md)
    assert np.mean(ours) == pytest.approx(0.9318, abs=max(0.01, 3 * 0.0121 / np.sqrt(5)))


def _hdfs() -> tuple[np.ndarray, np.ndarray]:
    with (SHARED / "hdfs_sessions" / "hdfs100k_sessions_dev.csv").open() as file:
        rows = list(csv.DictReader(file))
    events = sorted({event for row in rows for event in row["event_ids"].split()})
    column = {event: i for i, event in enumerate(events)}
    counts = np.zeros((len(rows), len(events)), dtype=np.float32)
    for i, row in enumerate(rows):
        for event in row["event_ids"].split():
            counts[i, column[event]] += 1
    return counts, np.array([int(row["label"]) for row in rows])


def test_hdfs_event_counts_reach_the_stated_figure() -> None:
    x, y = _hdfs()
    areas, f1 = [], []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(x))
        fitted, scored = order[: len(x) // 2], order[len(x) // 2 :]
        forest = lf.IsolationForest(max_samples=0.9999, contamination=0.03, random_state=seed)
        forest.fit(x[fitted])
        areas.append(roc_auc_score(y[scored], forest.anomaly_score(x[scored])))
        f1.append(f1_score(y[scored], forest.predict(x[scored]) == -1))
    assert np.mean(areas) >= 0.708
    assert np.mean(f1) >= 0.581


def _hdfs_natural() -> tuple[np.ndarray, np.ndarray, int]:
    """Counts of the normal and of the anomalous blocks, and how many blocks a normal stands for."""
    sequences = []
    for name in ("normal", "abnormal"):
        lines = (SHARED / "hdfs_sessions" / f"hdfs_loghub_{name}_dev.txt").read_text().splitlines()
        sequences.append([line.split(",", 1)[1].split() for line in lines if "," in line])
    events = sorted({event for part in sequences for row in part for event in row})
    column = {event: i for i, event in enumerate(events)}
    counts = []
    for part in sequences:
        x = np.zeros((len(part), len(events)), dtype=np.float32)
        for i, row in enumerate(part):
            np.add.at(x[i], [column[event] for event in row], 1)
        counts.append(x)
    normal, abnormal = counts
    return normal, abnormal, round(558_223 / 16_838 * len(abnormal) / len(normal))


def _natural_f1(
    make: Callable[[int], Any], normal: np.ndarray, abnormal: np.ndarray, times: int, seed: int
) -> float:
    """F1 of the second halves at the natural rate, the forest fitted on the first halves."""
    rng = np.random.default_rng(seed)
    ours, theirs = rng.permutation(len(normal)), rng.permutation(len(abnormal))
    half_n, half_a = len(normal) // 2, len(abnormal) // 2
    fitted = np.concatenate(
        [np.repeat(normal[ours[:half_n]], times, axis=0), abnormal[theirs[:half_a]]]
    )
    forest = make(seed).fit(fitted)
    false = times * int((forest.predict(normal[ours[half_n:]]) == -1).sum())
    found = forest.predict(abnormal[theirs[half_a:]]) == -1
    return float(2 * found.sum() / (found.sum() + false + len(found)))


def _recipe(kind: type, seed: int) -> Any:
    """docs/detection.md, "Sessions": so many rows that a tree sees rare events."""
    return kind(max_samples=int(256 / 0.03), contamination=0.03, random_state=seed)


def _loglizer(kind: type, seed: int) -> Any:
    return kind(max_samples=0.9999, contamination=0.03, random_state=seed, n_jobs=2)


def test_hdfs_at_its_natural_rate_reaches_the_published_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All anomalous blocks of whole HDFS, and its normal ones as a 1 % sample counted 100 times.

    loglizer publishes F1 0.802 for halves of the 575,061 blocks themselves. The recipe of our
    documentation (logarithms of the counts, 256 / contamination rows per tree) is at that figure
    over thirty random halves; single ones, of 1,409 normal blocks, swing by 0.02.
    """
    normal, abnormal, times = _hdfs_natural()
    normal, abnormal = np.log1p(normal), np.log1p(abnormal)
    f1 = [
        _natural_f1(partial(_recipe, lf.IsolationForest), normal, abnormal, times, seed)
        for seed in range(100, 130)
    ]
    with capsys.disabled():
        print(
            f"\nHDFS at its natural rate, {len(f1)} random halves: F1 {np.mean(f1):.3f}, "
            f"standard deviation {np.std(f1, ddof=1):.3f}, published 0.802"
        )
    assert np.mean(f1) >= 0.802


@pytest.mark.slow
def test_hdfs_with_loglizers_own_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """loglizer's setting to the letter: plain counts, all rows in every tree, contamination 0.03.

    On this sample it reaches 0.70 to 0.71, with scikit-learn's forest, which the 0.802 was stated
    for, as with ours. The data differ: a sampled normal block stands for 100, so a rare but normal
    one is a clump of 100 equal rows in every tree, where the whole data have many different ones.
    Trees on fewer rows, which hardly see the clumps, do better, again with both.
    """
    normal, abnormal, times = _hdfs_natural()
    seeds = range(5)

    def run(make: Callable[[type, int], Any], kind: type) -> list[float]:
        return [_natural_f1(partial(make, kind), normal, abnormal, times, seed) for seed in seeds]

    ours, theirs = run(_loglizer, lf.IsolationForest), run(_loglizer, SklearnForest)
    fewer, fewer_theirs = run(_recipe, lf.IsolationForest), run(_recipe, SklearnForest)
    with capsys.disabled():
        print(
            f"\nHDFS, F1 over {len(seeds)} seeds: all rows in every tree {np.mean(ours):.3f}, "
            f"scikit-learn {np.mean(theirs):.3f}; 8,533 rows {np.mean(fewer):.3f}, "
            f"scikit-learn {np.mean(fewer_theirs):.3f}"
        )
    for mine, other in ((ours, theirs), (fewer, fewer_theirs)):
        error = np.sqrt((np.var(mine, ddof=1) + np.var(other, ddof=1)) / len(seeds))
        assert np.mean(mine) >= np.mean(other) - 2 * error
    assert np.mean(fewer) > np.mean(ours)
    assert np.mean(fewer_theirs) > np.mean(theirs)
