"""LogFeatureExtractor against a plain reference, and what it promises about splits and threads."""

from __future__ import annotations

import importlib.util
import itertools
import pickle
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from logforest.errors import ConfigError, ModelError
from logforest.features import LogFeatureExtractor

_PATH = Path(__file__).parents[1] / "reference" / "features_reference.py"
_SPEC = importlib.util.spec_from_file_location("features_reference", _PATH)
reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)

COLUMNS = {
    "timestamp": pa.timestamp("us", "UTC"), "level": pa.string(), "service": pa.string(),
    "message": pa.string(), "endpoint": pa.string(), "status_code": pa.int16(),
    "response_time": pa.float64(), "template_id": pa.int64(),
}  # fmt: skip


def table(rows):
    return pa.table(
        {n: pa.array([r[n] for r in rows], t) for n, t in COLUMNS.items()},
    )


def make_rows(n, seed=0, services=("api", "web", "jobs")):
    rng = random.Random(seed)
    now, rows = 1_767_571_200_000_000, []
    for _ in range(n):
        now += rng.choice([0, 1000, 300_000, 5_000_000, -2_000_000])
        http = rng.random() < 0.7
        message = rng.choice(
            ["user u17 logged in", "Cache miss for KEY abc_9", "timeout after 30 s while reading",
             "GET /a/b done", "", "done DONE done über alles"]
        )  # fmt: skip
        rows.append({
            "timestamp": now, "level": rng.choice(reference.LEVELS),
            "service": rng.choice(services), "message": message,
            "endpoint": "/a/ü" if http else None,
            "status_code": rng.choice([200, 404, 503]) if http else None,
            "response_time": rng.choice([0.0, rng.expovariate(0.02)]) if http else None,
            "template_id": hash(message) % (1 << 50),
        })  # fmt: skip
    return rows


def test_equals_the_readable_reference():
    train, test = make_rows(400), make_rows(700, seed=1, services=("api", "new", "web"))
    extractor = LogFeatureExtractor(tfidf=8).fit(table(train))
    names, expected = reference.transform(test, reference.fit(train, 8))
    got = extractor.transform(table(test))
    assert extractor.get_feature_names_out().tolist() == names
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    np.testing.assert_allclose(got, np.array(expected, np.float32), rtol=2e-5, atol=2e-5)
    assert np.isnan(got).any()
    other = names.index("service_other")
    assert got[:, other].sum() == sum(r["service"] == "new" for r in test)


@examples(25)
@given(st.lists(st.integers(0, 300), max_size=6), st.integers(1, 4))
def test_any_split_and_any_number_of_threads_gives_the_same_bytes(cuts, threads):
    rows = make_rows(300, seed=4)
    logs = table(rows)
    base = LogFeatureExtractor(tfidf=4, n_jobs=1).fit(logs)
    whole = base.transform(logs)
    stream = LogFeatureExtractor.from_bytes(base.to_bytes(), n_jobs=threads)
    edges = [0, *sorted(cuts), 300]
    parts = [stream.update(logs.slice(a, b - a)) for a, b in itertools.pairwise(edges)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert base.transform(logs).tobytes() == whole.tobytes()  # transform changed nothing


def test_threads_change_nothing_on_many_rows():
    logs = pa.concat_tables([table(make_rows(3000, seed=s)) for s in range(8)])
    one = LogFeatureExtractor(n_jobs=1).fit(logs)
    many = LogFeatureExtractor(n_jobs=4).fit(logs)
    assert one.transform(logs).tobytes() == many.transform(logs).tobytes()


def test_merged_state_continues_as_if_all_records_had_been_seen():
    rows = make_rows(600, seed=8)
    rows.sort(key=lambda r: r["timestamp"])
    first, second, rest = table(rows[:200]), table(rows[200:400]), table(rows[400:])
    base = LogFeatureExtractor(tfidf=0).fit(first).to_bytes()
    whole, a, b = (LogFeatureExtractor.from_bytes(base) for _ in range(3))
    whole.update(first)
    whole.update(second)
    a.update(first)
    b._extractor = LogFeatureExtractor(tfidf=0).fit(first)._extractor
    b.update(second)
    # b counted the fit's templates as well: the columns that depend on counts are left out.
    a.merge(b)
    keep = [i for i, n in enumerate(a.get_feature_names_out()) if n != "template_rarity"]
    np.testing.assert_allclose(
        a.transform(rest)[:, keep], whole.transform(rest)[:, keep], rtol=1e-5, atol=1e-5
    )


def test_follows_scikit_learns_conventions():
    from sklearn.base import clone

    logs = table(make_rows(50))
    extractor = LogFeatureExtractor(tfidf=3, service=False)
    copy = clone(extractor)
    assert copy.get_params() == extractor.get_params()
    assert "tfidf=3" in repr(copy)
    first = extractor.fit_transform(logs)
    again = pickle.loads(pickle.dumps(extractor)).transform(logs)
    assert first.tobytes() == again.tobytes()
    assert first.shape == (50, len(extractor.get_feature_names_out()))
    assert extractor.set_params(tfidf=0).fit(logs).n_features_out_ == first.shape[1] - 3


def test_bad_use_is_told():
    logs = table(make_rows(5))
    with pytest.raises(ModelError, match="fit"):
        LogFeatureExtractor().transform(logs)
    with pytest.raises(ConfigError, match="tau_seconds"):
        LogFeatureExtractor(tau_seconds=0).fit(logs)
    with pytest.raises(ConfigError, match="tfidf"):
        LogFeatureExtractor(tfidf=-1).fit(logs)
    with pytest.raises(ConfigError, match="parameter 'nothing'"):
        LogFeatureExtractor().set_params(nothing=1)
    with pytest.raises(ConfigError, match="LogBatch"):
        LogFeatureExtractor().fit([1, 2])
    with pytest.raises(ModelError, match="different columns"):
        LogFeatureExtractor().fit(logs).merge(LogFeatureExtractor(tfidf=0).fit(logs))


def test_hostile_files_are_refused():
    good = LogFeatureExtractor(tfidf=2).fit(table(make_rows(20))).to_bytes()
    rng = random.Random(1)
    assert LogFeatureExtractor.from_bytes(good).to_bytes() == good
    for bad in [b"", b"LOGFOREST", good[:-1], good + b"x", good[:100]]:
        with pytest.raises(ModelError):
            LogFeatureExtractor.from_bytes(bad)
    for _ in range(50):
        broken = bytearray(good)
        broken[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        with pytest.raises(ModelError):
            LogFeatureExtractor.from_bytes(bytes(broken))


def test_extreme_values_stay_finite_or_missing():
    rows = make_rows(4)
    rows[0]["timestamp"], rows[1]["timestamp"] = -(1 << 62), 1 << 62
    rows[2]["response_time"], rows[3]["response_time"] = float("inf"), 1e300
    got = LogFeatureExtractor().fit(table(rows)).transform(table(rows))
    assert not np.isinf(got).any()
    assert LogFeatureExtractor().fit(table([])).transform(table([])).shape[0] == 0
