"""IsolationForest: agreement with the readable reference, exactness, inputs, streams."""

from __future__ import annotations

import copy
import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import IsolationForest as SklearnForest

import logforest as lf
from logforest import _core
from logforest.errors import ConfigError, ModelError

KERNELS = ["baseline", "v3", "v4"]


def _reference() -> ModuleType:
    path = Path(__file__).parents[1] / "reference" / "forest.py"
    spec = importlib.util.spec_from_file_location("reference_forest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = _reference()


def data(rows: int, columns: int, seed: int = 0, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    x[:, 0] = np.round(x[:, 0])  # ties
    if columns > 2:
        x[:, 1] = 3.0  # constant
    x[rng.random(x.shape) < missing] = np.nan
    return x


@pytest.fixture
def restore_kernels() -> Any:
    yield
    _core.select_forest_kernels("auto")


def runnable(name: str) -> bool:
    try:
        _core.select_forest_kernels(name)
    except ConfigError:
        return False
    finally:
        _core.select_forest_kernels("auto")
    return True


# -- the reference --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "columns", "missing", "options"),
    [
        (300, 4, 0.0, {}),
        (300, 4, 0.2, {}),
        (60, 3, 0.9, {"max_samples": 17}),
        (100, 6, 0.1, {"max_features": 2, "bootstrap": True}),
        (1, 2, 0.0, {}),
        (2, 1, 0.0, {}),
    ],
)
def test_agrees_with_the_reference(
    rows: int, columns: int, missing: float, options: dict[str, Any]
) -> None:
    x = data(rows, columns, seed=rows, missing=missing)
    ours = lf.IsolationForest(12, random_state=2**63 + 5, **options).fit(x)
    plain = reference.Forest(
        x,
        trees=12,
        psi=ours.max_samples_,
        seed=2**63 + 5,
        features=options.get("max_features"),
        bootstrap=options.get("bootstrap", False),
    )
    for i in range(12):
        mine, theirs = ours._forest.tree(i), plain.arrays(i)
        assert mine["feature"].tolist() == theirs["feature"]
        assert mine["threshold"].tolist() == theirs["threshold"]
        assert mine["samples"].tolist() == theirs["samples"]
        assert mine["missing_left"].tolist() == theirs["missing"]
    test = data(50, columns, seed=1, missing=missing)
    assert ours.anomaly_score(test).tolist() == plain.score(test).tolist()
    if rows > 1:
        contributions, baseline = plain.explain(test[:10])
        np.testing.assert_allclose(ours.explain(test[:10]), contributions, atol=1e-6)
        assert ours.baseline_ == pytest.approx(baseline, abs=1e-6)


# -- exactness ------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("options", [{}, {"max_samples": 3000}, {"max_samples": 2}])
@pytest.mark.usefixtures("restore_kernels")
def test_same_scores_for_every_kernel_thread_count_and_batch(
    missing: float, options: dict[str, Any]
) -> None:
    x = data(3000, 7, missing=missing)
    forest = lf.IsolationForest(30, random_state=3, **options).fit(x)
    expected = forest.score_samples(x)
    shares = forest.explain(x[:500])
    for name in filter(runnable, KERNELS):
        _core.select_forest_kernels(name)
        assert _core.forest_kernels() == name
        for rows in (1, 7, 8, 23, 24, 25, 63, 64, 255, 256, 257, 1025):
            np.testing.assert_array_equal(forest.score_samples(x[:rows]), expected[:rows])
        assert np.array_equal(forest.explain(x[:500]), shares)
        assert np.array_equal(forest.explain(x[3:4])[0], shares[3])
    for threads in (1, 2, 5):
        again = lf.IsolationForest(30, random_state=3, n_jobs=threads, **options).fit(x)
        np.testing.assert_array_equal(again.score_samples(x), expected)
        np.testing.assert_array_equal(again.explain(x[:500]), shares)
        assert again.set_params(n_jobs=None).to_bytes() == forest.to_bytes()


def test_float32_input_gives_the_same_forest_without_a_copy() -> None:
    x = data(1000, 5).astype(np.float32)
    a = lf.IsolationForest(random_state=1).fit(x)
    b = lf.IsolationForest(random_state=1).fit(x.astype(np.float64))
    assert a.to_bytes() == b.to_bytes()
    np.testing.assert_array_equal(a.score_samples(x), b.score_samples(x.astype(np.float64)))


def test_kernels_can_be_forced_from_outside() -> None:
    code = "from logforest import _core; print(_core.forest_kernels())"
    env = {**os.environ, "LOGFOREST_KERNELS": "baseline"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stdout.strip() == b"baseline"
    with pytest.raises(ConfigError, match="no kernels named 'gpu'"):
        _core.select_forest_kernels("gpu")


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("options", [{}, {"max_features": 0.5}, {"bootstrap": True}])
def test_contributions_add_up(missing: float, options: dict[str, Any]) -> None:
    x = data(2000, 9, missing=missing)
    forest = lf.IsolationForest(random_state=4, **options).fit(x)
    outside = np.vstack([x, 50 * data(100, 9, seed=5, missing=missing)])
    gap = forest.explain(outside).sum(axis=1) - (forest.anomaly_score(outside) - forest.baseline_)
    assert np.abs(gap).max() < 1e-12


def test_contributions_name_the_odd_feature() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 6))
    forest = lf.IsolationForest(random_state=0).fit(x)
    for feature in range(6):
        row = np.zeros((1, 6))
        row[0, feature] = 8.0
        shares = forest.explain(row)[0]
        assert shares.argmax() == feature
        assert shares[feature] > 2 * np.delete(shares, feature).max()


def test_scores_and_signs() -> None:
    x = np.vstack([np.random.default_rng(0).normal(size=(1000, 2)), [[9.0, 9.0]]])
    forest = lf.IsolationForest(random_state=0, contamination=0.05).fit(x)
    scores = forest.score_samples(x)
    np.testing.assert_array_equal(forest.anomaly_score(x), -scores)
    np.testing.assert_array_equal(forest.decision_function(x), scores - forest.offset_)
    np.testing.assert_array_equal(
        forest.predict(x), np.where(forest.decision_function(x) < 0, -1, 1)
    )
    assert scores.argmin() == 1000
    assert (forest.predict(x) == -1).sum() == 50  # 5 % of 1,001 rows
    assert lf.IsolationForest(contamination="auto").fit(x).offset_ == -0.5


def test_threshold_from_a_sample_is_close_to_that_from_all_rows() -> None:
    x = np.random.default_rng(0).normal(size=(60_000, 4))
    sampled = lf.IsolationForest(random_state=0, contamination=0.1).fit(x)
    exact = lf.IsolationForest(random_state=0, contamination=0.1, calibration_samples=None).fit(x)
    assert (exact.predict(x) == -1).mean() == pytest.approx(0.1, abs=1e-4)
    # 2,560 rows, one from each of as many stretches: a standard error of at most 0.6 %.
    assert (sampled.predict(x) == -1).mean() == pytest.approx(0.1, abs=0.024)
    rare = lf.IsolationForest(random_state=0, contamination=0.01).fit(x)
    assert (rare.predict(x) == -1).mean() == pytest.approx(0.01, abs=0.0024)


def test_weights_are_chances_to_be_drawn() -> None:
    x = np.concatenate([np.zeros((500, 1)), np.ones((500, 1))])
    weights = np.repeat([1.0, 0.0], 500)
    only_zeros = lf.IsolationForest(random_state=0, max_samples=64).fit(x, sample_weight=weights)
    assert all(len(only_zeros._forest.tree(i)["feature"]) == 1 for i in range(100))
    for bootstrap in (False, True):
        forest = lf.IsolationForest(random_state=0, max_samples=100, bootstrap=bootstrap)
        forest.fit(x, sample_weight=np.repeat([3.0, 1.0], 500))
        left = np.mean([forest._forest.tree(i)["samples"][1] for i in range(100)])
        assert left == pytest.approx(75.0, abs=4.0)
    with pytest.raises(ConfigError, match="zero for every row"):
        forest.fit(x, sample_weight=np.zeros(1000))
    with pytest.raises(ConfigError, match="finite and not negative"):
        forest.fit(x, sample_weight=-np.ones(1000))


# -- inputs ---------------------------------------------------------------------------------------


def test_frames_and_tables_agree_and_keep_names() -> None:
    x = data(400, 3, missing=0.1)
    columns = ["a", "b", "c"]
    pandas = pd.DataFrame(x, columns=columns)
    arrow = pa.table({name: pa.array(x[:, i], from_pandas=True) for i, name in enumerate(columns)})
    polars = pl.DataFrame(x, schema=columns)
    expected = lf.IsolationForest(random_state=0).fit(x)
    for frame in (pandas, arrow, polars):
        forest = lf.IsolationForest(random_state=0).fit(frame)
        assert forest.feature_names_in_.tolist() == columns
        np.testing.assert_array_equal(forest.score_samples(frame), expected.score_samples(x))
        with pytest.raises(ValueError, match="same order"):
            forest.score_samples(pandas[["b", "a", "c"]])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            forest.score_samples(x)
    numbers = pl.DataFrame({"a": [1, 2, None], "b": [True, False, True]})
    assert lf.IsolationForest(random_state=0).fit(numbers).n_features_in_ == 2
    with pytest.raises(ValueError, match="could not convert column 'a'"):
        lf.IsolationForest().fit(pl.DataFrame({"a": ["x", "y"]}))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([[1.0, np.inf]]), "infinity"),
        (np.array([[1.0, 1e300]]), "infinity or a value too large"),
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((3, 0)), "0 feature"),
        (np.zeros(3), "Expected 2D"),
        (np.array([[1j]]), "Complex"),
        ([["a"]], "could not convert"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), "cannot be used as features"),
    ],
)
def test_bad_data_is_refused_by_fit_and_score(x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lf.IsolationForest().fit(x)
    with pytest.raises(ValueError, match=message):
        lf.IsolationForest().partial_fit(x)
    if np.ndim(x) == 2 and 0 not in np.shape(x):
        fitted = lf.IsolationForest().fit(np.zeros((5, np.shape(x)[1])))
        with pytest.raises(ValueError, match=message):
            fitted.score_samples(x)
        with pytest.raises(ValueError, match=message):
            fitted.explain(x)


@pytest.mark.parametrize(
    "params",
    [
        {"n_estimators": 0},
        {"n_estimators": 2.5},
        {"max_samples": 0},
        {"max_samples": 1.5},
        {"max_samples": "all"},
        {"contamination": 0.0},
        {"contamination": 0.6},
        {"contamination": "many"},
        {"max_features": 0},
        {"max_features": 4},
        {"max_features": 0.0},
        {"n_jobs": 0},
        {"random_state": "x"},
        {"calibration_samples": 0},
        {"calibration_samples": "some"},
    ],
)
def test_bad_parameters_are_named(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(params))):
        lf.IsolationForest(**params).fit(np.zeros((5, 3)))


def test_an_unseen_gap_looks_ordinary() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 4))
    forest = lf.IsolationForest(random_state=0).fit(x)
    gaps = np.full((1, 4), np.nan)
    assert forest.anomaly_score(gaps)[0] < np.median(forest.anomaly_score(x))


# -- scikit-learn's forests -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_samples": 1.0},
        {"max_features": 0.5, "bootstrap": True},
        {"contamination": 0.2, "n_estimators": 7},
        {"max_samples": 1},
    ],
)
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_imported_forest_scores_the_same(options: dict[str, Any], missing: float) -> None:
    x = pd.DataFrame(data(1500, 8, missing=missing), columns=list("abcdefgh"))
    theirs = SklearnForest(random_state=0, **options).fit(x)
    ours = lf.IsolationForest.from_sklearn(theirs)
    test = pd.DataFrame(3 * data(500, 8, seed=9, missing=missing), columns=list("abcdefgh"))
    np.testing.assert_allclose(ours.score_samples(test), theirs.score_samples(test), atol=1e-6)
    np.testing.assert_allclose(
        ours.decision_function(test), theirs.decision_function(test), atol=1e-6
    )
    total = ours.explain(test).sum(axis=1)
    np.testing.assert_allclose(total, ours.anomaly_score(test) - ours.baseline_, atol=1e-6)
    copied = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(copied.score_samples(test), ours.score_samples(test))


def test_only_forests_are_imported() -> None:
    with pytest.raises(ModelError, match="fitted sklearn"):
        lf.IsolationForest.from_sklearn(SklearnForest())
    with pytest.raises(ModelError, match="fitted sklearn"):
        lf.IsolationForest.from_sklearn(object())


# -- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protect", [False, True])
def test_a_stream_gives_the_same_forest_however_it_is_cut(protect: bool) -> None:
    x = data(2000, 3, missing=0.05)
    whole = lf.IsolationForest(20, random_state=1).partial_fit(x, protect=protect)
    rng = np.random.default_rng(0)
    parts = lf.IsolationForest(20, random_state=1, n_jobs=2)
    at = 0
    while at < len(x):
        size = int(rng.integers(1, 300))
        parts.partial_fit(x[at : at + size], protect=protect)
        parts = copy.deepcopy(parts) if size % 3 == 0 else parts  # saved state is complete
        at += size
    np.testing.assert_array_equal(parts.score_samples(x), whole.score_samples(x))
    assert parts.offset_ == whole.offset_
    parts.set_params(n_jobs=None)
    assert parts.to_bytes() == whole.to_bytes()


def test_a_stream_forgets_the_past() -> None:
    rng = np.random.default_rng(0)
    forest = lf.IsolationForest(random_state=0).fit(rng.normal(size=(5000, 3)))
    moved = rng.normal(size=(4000, 3)) + 6.0
    before = forest.anomaly_score(moved).mean()
    forest.partial_fit(moved)
    assert before > 0.6
    assert forest.anomaly_score(moved).mean() < 0.5
    assert forest.anomaly_score(rng.normal(size=(100, 3))).mean() > 0.6
    assert forest._forest.n_trees == 100


def test_protection_keeps_anomalies_out_but_follows_a_new_world() -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4000, 3))
    stream = rng.normal(size=(4096, 3))
    odd = rng.random(4096) < 0.05
    stream[odd] = rng.normal(size=(odd.sum(), 3)) * 0.1 + 5.0  # a tight cluster, easily learned
    shielded = lf.IsolationForest(random_state=0).fit(start)
    shielded.partial_fit(stream, protect=True)
    open_to_all = lf.IsolationForest(random_state=0).fit(start)
    open_to_all.partial_fit(stream)
    probe = np.full((1, 3), 5.0)
    assert shielded.anomaly_score(probe)[0] > open_to_all.anomaly_score(probe)[0] + 0.1
    world = rng.normal(size=(4096, 3)) + 20.0
    shielded.partial_fit(world, protect=True)
    assert shielded.anomaly_score(world).mean() < 0.5


def test_a_stream_can_start_with_nothing() -> None:
    forest = lf.IsolationForest(random_state=0)
    rng = np.random.default_rng(0)
    for _ in range(300):
        forest.partial_fit(rng.normal(size=(1, 2)))
    assert forest.max_samples_ == 256
    assert forest.anomaly_score([[8.0, 8.0]])[0] > 0.65 > forest.anomaly_score([[0.0, 0.0]])[0]
    with pytest.raises(ConfigError, match="renewal"):
        forest.partial_fit(np.zeros((1, 2)), renewal=0.0)
    with pytest.raises(ConfigError, match="max_samples"):
        lf.IsolationForest(max_samples=0.5).partial_fit(np.zeros((1, 2)))
