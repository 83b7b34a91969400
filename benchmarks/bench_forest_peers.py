"""The forest against compiled trees, explainers and stream learners, beside those of bench_forest.

Scores: one fitted scikit-learn forest everywhere, ours imported from it, so all must agree (1e-4:
some peers sum in float32). Missing peers are left out and named.

Run: python benchmarks/bench_forest_peers.py
"""

from __future__ import annotations

import importlib
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest as Sklearn

import logforest as lf

ROWS, COLUMNS = 10_000, 32
Scorer = Callable[[np.ndarray], np.ndarray]
warnings.filterwarnings("ignore")


def best(work: Callable[[], object], rounds: int = 5) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def optional(*names: str) -> Any:
    try:
        found = [importlib.import_module(name) for name in names]
    except ImportError:
        print(f"  {names[0]} is not installed")
        return None
    return found[0] if len(found) == 1 else found


def of_treelite(forest: Sklearn) -> Scorer | None:
    treelite = optional("treelite")
    if treelite is None:
        return None
    model = treelite.sklearn.import_model(forest)
    return lambda x: treelite.gtil.predict(model, x, nthread=1).ravel()


def of_tl2cgen(forest: Sklearn, folder: Path) -> Scorer | None:
    modules = optional("tl2cgen", "treelite")
    if modules is None:
        return None
    tl2cgen, treelite = modules
    library = folder / "forest.so"
    model = treelite.sklearn.import_model(forest)
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(library), params={"parallel_comp": 8})
    predictor = tl2cgen.Predictor(str(library), nthread=1)
    return lambda x: predictor.predict(tl2cgen.DMatrix(x)).ravel()


def of_onnxruntime(forest: Sklearn) -> Scorer | None:
    modules = optional("onnxruntime", "skl2onnx")
    if modules is None:
        return None
    runtime, skl2onnx = modules
    model = skl2onnx.to_onnx(
        forest, np.zeros((1, COLUMNS), np.float32), target_opset={"": 18, "ai.onnx.ml": 3}
    )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options)
    offset = float(forest.offset_)
    # decision_function is score_samples less the offset.
    return lambda x: -(session.run(["scores"], {"X": x})[0].ravel() + offset)


def scores(forest: Sklearn, ours: lf.IsolationForest, x: np.ndarray) -> None:
    print(f"score {len(x):,} x {COLUMNS}, one thread; one row")
    expected = -forest.score_samples(x)
    base = best(lambda: ours.score_samples(x))
    one = x[:1].copy()
    alone = best(lambda: [ours.score_samples(one) for _ in range(2000)]) / 2000
    print(f"  {'logforest':24}{len(x) / base / 1e3:10,.0f} k rows/s{alone * 1e6:12,.2f} us")
    with tempfile.TemporaryDirectory() as folder:
        makers: list[tuple[str, Callable[[], Scorer | None]]] = [
            ("treelite GTIL", lambda: of_treelite(forest)),
            ("tl2cgen, compiled", lambda: of_tl2cgen(forest, Path(folder))),
            ("onnxruntime", lambda: of_onnxruntime(forest)),
        ]
        for name, make in makers:
            score = make()
            if score is None:
                continue
            x32 = x.astype(np.float32)
            gap = float(np.abs(score(x32) - expected).max())
            assert gap < 1e-4, (name, gap)
            seconds = best(lambda: score(x32), 3)  # noqa: B023  (called at once)
            few = best(lambda: [score(x32[:1]) for _ in range(200)], 3) / 200  # noqa: B023  (called at once)
            print(
                f"  {name:24}{len(x) / seconds / 1e3:10,.0f} k rows/s{few * 1e6:12,.2f} us"
                f"   x {seconds / base:.1f}, x {few / alone:.1f}"
            )


def explanations(forest: Sklearn, ours: lf.IsolationForest, x: np.ndarray) -> None:
    shap = optional("shap")
    print(f"contributions, {COLUMNS} columns")
    base = best(lambda: ours.explain(x)) / len(x)
    print(f"  {'logforest explain':24}{1e-3 / base:10,.1f} k rows/s")
    if shap is None:
        return
    part = x[:300]
    explainer = shap.TreeExplainer(forest)
    values = np.asarray(explainer.shap_values(part))
    # Both say which columns shorten a row's paths: the first of one is among the first of both.
    mine = ours.explain(part)
    top, seen = mine.argmax(axis=1), np.argsort(values, axis=1)[:, :5]
    agreement = float((seen == top[:, None]).any(axis=1).mean())
    assert agreement > 0.8, agreement
    each = best(lambda: explainer.shap_values(part), 2) / len(part)
    print(f"  {'shap TreeExplainer':24}{1e-3 / each:10,.1f} k rows/s   x {each / base:.0f}")


def streams(x: np.ndarray) -> None:
    print("stream x 8, score and learn")
    events = np.ascontiguousarray(x[:, :8])
    usual = events / (2 * np.abs(events).max()) + 0.5  # half-space trees want [0, 1]

    def learn() -> lf.IsolationForest:
        forest = lf.IsolationForest(random_state=0, contamination="auto")
        for at in range(0, len(events), 256):
            if at:
                forest.score_samples(events[at : at + 256])
            forest.partial_fit(events[at : at + 256])
        return forest

    far = np.full((1, 8), 9.0)
    forest = learn()
    assert forest.anomaly_score(far)[0] > np.quantile(forest.anomaly_score(events), 0.99)
    base = best(learn, 3) / len(events)
    print(f"  {'logforest, 100 trees':24}{1e-3 / base:10,.1f} k events/s")
    anomaly = optional("river.anomaly")
    if anomaly is not None:
        rows = [dict(enumerate(row)) for row in usual[:4000].tolist()]

        def half_spaces() -> Any:
            trees = anomaly.HalfSpaceTrees(n_trees=10, seed=0)
            for row in rows:
                trees.score_one(row)
                trees.learn_one(row)
            return trees

        trees = half_spaces()
        assert trees.score_one(dict.fromkeys(range(8), 0.999)) > trees.score_one(rows[0])
        each = best(half_spaces, 2) / len(rows)
        print(f"  {'river, 10 trees':24}{1e-3 / each:10,.1f} k events/s   x {each / base:.0f}")
    rrcf = optional("rrcf")
    if rrcf is not None:
        points = events[:300]

        def cut() -> float:
            rng = np.random.default_rng(0)
            forest = [rrcf.RCTree(random_state=int(rng.integers(1 << 31))) for _ in range(100)]
            total = 0.0
            for i, point in enumerate(points):
                for tree in forest:
                    if len(tree.leaves) >= 256:
                        tree.forget_point(i - 256)
                    tree.insert_point(point, index=i)
                    total += tree.codisp(i)
            return total

        each = best(cut, 1) / len(points)
        print(f"  {'rrcf, 100 trees':24}{1e-3 / each:10,.2f} k events/s   x {each / base:,.0f}")


def main() -> None:
    x = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    x = x.astype(np.float32).astype(np.float64)  # the same for those that take float32 only
    forest = Sklearn(random_state=0).fit(x)
    ours = lf.IsolationForest.from_sklearn(forest)
    assert np.abs(ours.score_samples(x) - forest.score_samples(x)).max() < 1e-6
    scores(forest, ours, x)
    explanations(forest, ours, x)
    streams(x)


if __name__ == "__main__":
    main()
