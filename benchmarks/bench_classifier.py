"""Classification of messages: TF-IDF + naive Bayes against scikit-learn, labels asserted equal.

Run: .venv/bin/python benchmarks/bench_classifier.py
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline

from logforest import LogClassifier

MESSAGES = 200_000
KINDS = {
    "Security": [
        "Failed password for invalid user {w} from 10.1.{n}.{n} port {n} ssh2",
        "access denied for user {w}: missing permission on /admin/{n}",
        "certificate of {w}.example.com expired, tls handshake rejected",
    ],
    "Performance": [
        "slow query took {n} ms on table {w}, {n} rows examined",
        "connection pool exhausted: {n} of {n} in use, waited {n} ms for {w}",
        "GC pause {n} ms, heap usage {n} %, service {w}",
    ],
    "Business": [
        "order {n} placed by customer {n} with {n} items, coupon {w}",
        "payment of {n} EUR captured for invoice {n}, customer {w}",
        "shipment {n} handed over to carrier {w}, {n} parcels",
    ],
    "General": [
        "service {w} started on port {n} with configuration /etc/{w}.conf",
        "job {w} finished in {n} steps, {n} files written",
        "connection from 10.2.{n}.{n} to {w} established, session {n}",
    ],
}


def messages(n: int, seed: int) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("a", "ei", "o", "u") for c in "lmnrstx"]
    kinds = list(KINDS)
    text, labels = [], []
    for _ in range(n):
        label = rng.choice(kinds)
        line = rng.choice(KINDS[label])
        while "{" in line:
            line = line.replace("{w}", rng.choice(words), 1).replace(
                "{n}", str(rng.randrange(10_000)), 1
            )
        text.append(line)
        labels.append(label)
    return text, labels


def best(run: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    train, labels = messages(20_000, 1)
    test, _ = messages(MESSAGES, 2)
    print(f"{MESSAGES} messages, {sum(map(len, test)) / len(test):.0f} B each; k messages/s")
    for method, bayes in (("complement", ComplementNB), ("multinomial", MultinomialNB)):
        reference = make_pipeline(TfidfVectorizer(), bayes()).fit(train, labels)
        one = LogClassifier(method=method, n_jobs=1).fit(train, labels)
        two = LogClassifier(method=method, n_jobs=2).fit(train, labels)
        expected = reference.predict(test)
        assert np.array_equal(one.predict(test), expected)
        assert np.array_equal(two.predict(test), expected)
        seconds = {"scikit-learn": [], "1 thread": [], "2 threads": []}
        for _ in range(3):  # interleaved
            seconds["scikit-learn"].append(best(lambda: reference.predict(test), 1))  # noqa: B023  (called at once)
            seconds["1 thread"].append(best(lambda: one.predict(test), 3))  # noqa: B023  (called at once)
            seconds["2 threads"].append(best(lambda: two.predict(test), 3))  # noqa: B023  (called at once)
        base = min(seconds["scikit-learn"])
        for name, values in seconds.items():
            rate = MESSAGES / min(values) / 1e3
            print(f"{method:12s} {name:14s} {rate:8.0f}  x {base / min(values):.1f}")
        message = [test[0]]
        calls = 20_000
        ours = best(lambda: [one.predict_one(test[0]) for _ in range(calls)], 3) / calls  # noqa: B023  (called at once)
        listed = best(lambda: [one.predict(message) for _ in range(calls)], 3) / calls  # noqa: B023  (called at once)
        theirs = best(lambda: [reference.predict(message) for _ in range(50)], 3) / 50  # noqa: B023  (called at once)
        print(
            f"{method:12s} one message: predict_one {ours * 1e6:.2f} us, predict([m]) "
            f"{listed * 1e6:.2f} us, scikit-learn {theirs * 1e6:.0f} us"
        )
    hashing = make_pipeline(HashingVectorizer(alternate_sign=False), MultinomialNB())
    hashing.fit(train, labels)
    rate = MESSAGES / best(lambda: hashing.predict(test), 1) / 1e3
    print(f"{'hashing':12s} {'scikit-learn':14s} {rate:8.0f}")
    start = time.perf_counter()
    LogClassifier(n_jobs=1).fit(train, labels)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    make_pipeline(TfidfVectorizer(), ComplementNB()).fit(train, labels)
    theirs = time.perf_counter() - start
    print(f"fit of {len(train)}: {ours * 1e3:.0f} ms, scikit-learn {theirs * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
