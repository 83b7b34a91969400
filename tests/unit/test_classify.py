"""TfidfVectorizer and LogClassifier: equal to scikit-learn, calibrated, safe to load."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer as Reference
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from tests.examples import examples

from logforest.classify import DEFAULT_MODEL, LogClassifier, TfidfVectorizer
from logforest.errors import ConfigError, ModelError

TOPICS = {
    "auth": "login password user denied token session account locked invalid root",
    "disk": "disk volume full read write sector io mount sda raid",
    "net": "connection socket timeout peer reset port packet link down route",
    "shop": "order cart payment invoice customer shipped refund total item checkout",
}
COMMON = "the for from with error info request service on at 17 42 0x1f id".split()  # noqa: SIM905


def corpus(n: int, seed: int = 0, noise: float = 0.15) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    names = list(TOPICS)
    messages, labels = [], []
    for _ in range(n):
        label = rng.choices(names, [6, 3, 2, 1])[0]
        words = [
            rng.choice(TOPICS[rng.choice(names) if rng.random() < noise else label].split())
            for _ in range(rng.randint(1, 4))
        ]
        words += rng.choices(COMMON, k=rng.randint(0, 6))
        rng.shuffle(words)
        messages.append(" ".join(words))
        labels.append(label)
    return messages, labels


# --- vectorizer -------------------------------------------------------------------------------
SETTINGS = [
    {},
    {"ngram_range": (1, 2)},
    {"ngram_range": (2, 3), "norm": "l1"},
    {"sublinear_tf": True, "norm": None},
    {"min_df": 3, "max_df": 0.5},
    {"min_df": 0.02, "max_df": 200},
    {"use_idf": False},
    {"smooth_idf": False},
]


@pytest.mark.parametrize("params", SETTINGS)
def test_equals_scikit_learn(params: dict) -> None:
    messages, _ = corpus(500)
    messages += [
        "Größe ÄRGER naïve",
        "Ünïcode_WORD ΣΊΣΥΦΟΣ",
        "日本語 ログ 数",
        "",
        "a b",
        "x-y_z 1.5",
    ]
    reference = Reference(**params)
    expected = reference.fit_transform(messages)
    ours = TfidfVectorizer(**params)
    found = ours.fit_transform(messages)
    assert ours.get_feature_names_out().tolist() == reference.get_feature_names_out().tolist()
    assert ours.vocabulary_ == reference.vocabulary_
    if params.get("use_idf", True):
        np.testing.assert_allclose(ours.idf_, reference.idf_, rtol=1e-12)
    assert found.shape == expected.shape
    assert abs(found - expected).max() < 1e-12
    unseen = ["password of volume 17", "nothing known here at all", "ÜNÏCODE_word"]
    assert abs(ours.transform(unseen) - reference.transform(unseen)).max() < 1e-12
    again = pickle.loads(pickle.dumps(ours))
    assert abs(again.transform(unseen) - ours.transform(unseen)).max() == 0


def test_max_features_keeps_the_most_frequent() -> None:
    messages = ["a1 a1 a1 b2 b2 c3", "a1 b2 d4"]
    params = {"max_features": 2}
    assert TfidfVectorizer(**params).fit(messages).vocabulary_ == {"a1": 0, "b2": 1}
    assert Reference(**params).fit(messages).vocabulary_ == {"a1": 0, "b2": 1}


@examples(300)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_words_of_any_text(messages: list[str]) -> None:
    # Their lower case depends on what stands around them (covered by an example above).
    messages = [m.replace("İ", "").replace("Σ", "") for m in messages]
    try:
        expected = Reference().fit(messages).vocabulary_
    except ValueError:
        with pytest.raises(ConfigError, match="no terms"):
            TfidfVectorizer().fit(messages)
        return
    assert TfidfVectorizer().fit(messages).vocabulary_ == expected


def test_without_numbers() -> None:
    v = TfidfVectorizer(keep_numbers=False).fit(["job 17 failed on host3"])
    assert v.get_feature_names_out().tolist() == ["failed", "job", "on"]


def test_threads_change_nothing() -> None:
    messages, labels = corpus(20_000)
    one, four = TfidfVectorizer(n_jobs=1).fit(messages), TfidfVectorizer(n_jobs=4).fit(messages)
    for a, b in zip(one.transform_arrays(messages), four.transform_arrays(messages), strict=True):
        assert np.array_equal(a, b)
    c = LogClassifier(n_jobs=1).fit(messages, labels)
    d = LogClassifier(n_jobs=4).fit(messages, labels)
    assert np.array_equal(c.predict_proba(messages), d.predict_proba(messages))
    assert np.array_equal(c.predict(messages), d.predict(messages))


# --- classifier -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "bayes"),
    [("complement", ComplementNB), ("multinomial", MultinomialNB)],
)
@pytest.mark.parametrize("alpha", [1.0, 0.1])
def test_labels_equal_scikit_learn(method: str, bayes: type, alpha: float) -> None:
    messages, labels = corpus(3_000)
    unseen, truth = corpus(2_000, seed=9)
    unseen += ["", "nothing known at all"]
    reference = make_pipeline(Reference(), bayes(alpha=alpha)).fit(messages, labels)
    ours = LogClassifier(method=method, alpha=alpha, calibrate=False).fit(messages, labels)
    assert ours.classes_.tolist() == reference.classes_.tolist()
    assert np.array_equal(ours.predict(unseen), reference.predict(unseen))
    np.testing.assert_allclose(
        ours.predict_proba(unseen), reference.predict_proba(unseen), atol=1e-9
    )
    calibrated = LogClassifier(method=method, alpha=alpha).fit(messages, labels)
    assert np.array_equal(calibrated.predict(unseen), ours.predict(unseen))
    assert calibrated.score(unseen[:-2], truth) == ours.score(unseen[:-2], truth) > 0.8


def calibration_error(probabilities: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """ECE (Naeini et al., AAAI 2015): mean gap between confidence and accuracy over bins."""
    confidence = probabilities.max(axis=1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(
        np.mean(place == b) * abs(confidence[place == b].mean() - right[place == b].mean())
        for b in np.unique(place)
    )


@pytest.mark.parametrize("method", ["complement", "multinomial"])
@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_probabilities_are_calibrated(method: str, noise: float) -> None:
    messages, labels = corpus(6_000, noise=noise)
    unseen, truth = corpus(6_000, seed=5, noise=noise)
    errors = {}
    for calibrate in (True, False):
        c = LogClassifier(method=method, calibrate=calibrate).fit(messages, labels)
        p = c.predict_proba(unseen)
        assert np.allclose(p.sum(axis=1), 1)
        errors[calibrate] = calibration_error(p, c.predict(unseen) == np.array(truth))
    print(method, noise, errors)
    assert errors[True] < 0.06
    assert errors[True] <= errors[False] + 0.005


def test_partial_fit_learns_words_and_classes() -> None:
    messages, labels = corpus(2_000)
    c = LogClassifier().partial_fit(messages, labels)
    before = c.classes_.tolist()
    c.partial_fit(["kernel panic oops trap"] * 50, ["kernel"] * 50)
    assert c.classes_.tolist() == sorted([*before, "kernel"])
    assert c.predict_one("kernel oops") == "kernel"
    unseen, truth = corpus(1_000, seed=3)
    assert c.score(unseen, truth) > 0.8


def test_partial_fit_in_parts_comes_close_to_fit() -> None:
    messages, labels = corpus(4_000)
    unseen, _ = corpus(2_000, seed=3)
    whole = LogClassifier().fit(messages, labels)
    parts = LogClassifier()
    for i in range(0, 4_000, 500):
        parts.partial_fit(messages[i : i + 500], labels[i : i + 500])
    assert np.mean(whole.predict(unseen) == parts.predict(unseen)) > 0.98


def test_default_label_for_unknown_words() -> None:
    c = LogClassifier(default_label="net").fit(*corpus(500))
    assert c.predict(["qwertz", ""]).tolist() == ["net", "net"]
    p = c.predict_proba(["qwertz"])[0]
    assert p.argmax() == c.classes_.tolist().index("net")
    assert p.max() < 0.5
    with pytest.raises(ConfigError, match="default_label"):
        LogClassifier(default_label="nope").fit(*corpus(50))


def test_inputs() -> None:
    messages, labels = corpus(300)
    c = LogClassifier().fit(messages, labels)
    expected = c.predict(messages).tolist()
    assert (
        LogClassifier()
        .fit(pa.array(messages), np.array(labels))
        .predict(pa.array(messages))
        .tolist()
        == expected
    )
    assert [c.predict_one(m) for m in messages] == expected
    assert c.predict([]).tolist() == []
    with pytest.raises(ConfigError, match="length"):
        LogClassifier().fit(messages, labels[:-1])
    shipped = LogClassifier.default()
    assert LogClassifier().predict(messages).tolist() == shipped.predict(messages).tolist()
    assert LogClassifier().classes_.tolist() == shipped.classes_.tolist()
    with pytest.raises(ConfigError, match="alpha"):
        LogClassifier(alpha=0).fit(messages, labels)
    with pytest.raises(ConfigError, match="method"):
        LogClassifier(method="svm").fit(messages, labels)
    with pytest.raises(ConfigError, match="no terms"):
        LogClassifier().fit(["", "!"], ["a", "b"])


def test_saving(tmp_path: Path) -> None:
    messages, labels = corpus(500)
    c = LogClassifier(ngram_range=(1, 2), min_df=2).fit(messages, labels)
    c.save(tmp_path / "c.lfm")
    again = LogClassifier.load(tmp_path / "c.lfm")
    assert again.get_params() == c.get_params()
    assert np.array_equal(again.predict_proba(messages), c.predict_proba(messages))
    assert again.to_bytes() == c.to_bytes()
    assert np.array_equal(pickle.loads(pickle.dumps(c)).predict(messages), c.predict(messages))


def test_damaged_files_are_refused() -> None:
    good = LogClassifier().fit(["disk full", "login bad"], ["a", "b"]).to_bytes()
    for cut in range(len(good)):
        with pytest.raises(ModelError):
            LogClassifier.from_bytes(good[:cut])
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 0x5A
        with pytest.raises(ModelError):
            LogClassifier.from_bytes(bytes(bad))


# --- the model that ships ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("Failed password for invalid user admin from 10.0.0.1 port 22 ssh2", "Security"),
        ("possible SQL injection blocked in parameter q", "Security"),
        ("TLS handshake failed: certificate has expired", "Security"),
        ("access denied: missing permission billing.read", "Security"),
        ("slow query took 4210 ms: SELECT * FROM orders", "Performance"),
        ("connection pool exhausted, 50 of 50 in use", "Performance"),
        ("GC pause 812 ms, heap usage 93 %", "Performance"),
        ("upstream request timed out after 30 s", "Performance"),
        ("order 1234 placed by customer 77, total 59.90 EUR", "Business"),
        ("payment captured for invoice 2024-17", "Business"),
        ("new user signed up with plan premium", "Business"),
        ("shipment 8812 handed over to carrier", "Business"),
        ("server started on port 8080", "General"),
        ("configuration reloaded", "General"),
        ("heartbeat ok", "General"),
        ("zxqv", "General"),
    ],
)
def test_default_model(message: str, category: str) -> None:
    assert LogClassifier.default().predict_one(message) == category


def test_parsing_fills_the_category_of_the_template() -> None:
    import logforest as lf
    from logforest._core import template_text

    messages = [
        "Failed password for root from 10.1.2.3 port 22 ssh2",
        "order 77 placed by customer 5, total 9.90 EUR",
        "slow query took 913 ms",
        "listening on port 80",
        "order 78 placed by customer 6, total 1.00 EUR",
    ] * 50
    expected = [LogClassifier.default().predict_one(template_text(m)) for m in messages]
    logs = lf.parse("\n".join(json.dumps({"message": m}) for m in messages), format="json")
    assert logs["category"].to_pylist() == expected
    assert set(expected) == {"Security", "Business", "Performance", "General"}


def test_default_model_is_small() -> None:
    assert DEFAULT_MODEL.stat().st_size < 300_000
