#!/usr/bin/env python3
# ruff: noqa: SIM905
"""Trains the default classifier on generated text and writes python/logforest/models/category.lfm.

Run it with the package installed: ``.venv/bin/python scripts/train_classifier.py``. It prints the
accuracy on sentences left out of training (every fifth sentence of each category, so what is
measured is unseen wording, not unseen numbers) and then trains on all of them.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from pathlib import Path

import classifier_phrases as phrases

from logforest.classify import DEFAULT_MODEL, LogClassifier

SOURCES = {
    "Security": phrases.SECURITY,
    "Performance": phrases.PERFORMANCE,
    "Business": phrases.BUSINESS,
    "General": phrases.GENERAL,
}
PER_SENTENCE = 40
KEYWORD_MESSAGES = 10  # for each keyword
FOLDS = 5
SETTINGS = {
    "method": "multinomial",
    "alpha": 1.0,
    "default_label": "General",
    "ngram_range": (1, 1),
    "min_df": 4,
    "max_features": 4000,
    "sublinear_tf": True,
    "keep_numbers": False,
}

USERS = (
    "alice bob carol dave eve mallory root admin guest operator backup deploy test jsmith".split()
)
SERVICES = (
    "api gateway auth billing search catalog inventory mailer scheduler frontend payments orders "
    "recommendations profile media importer ledger notifier db redis kafka nginx"
).split()
HOSTS = "web db cache node edge build mail proxy worker storage".split()
WORDS = "alpha delta main core primary local default batch nightly v2 blue green east west".split()
PATHS = (
    "/api/v1/items /var/log/app.log /etc/app.conf /admin /srv/data /tmp/x /login /orders /".split()
)
PREFIXES = ["", "", "", "", "[{service}] ", "{service}: ", "{word}: ", "INFO ", "WARN ", "ERROR "]
SUFFIXES = [
    "",
    "",
    "",
    "",
    " request_id={id}",
    " ({service})",
    " on {host}",
    " [{n}]",
    " user={user}",
]


def fill(sentence: str, rng: random.Random) -> str:
    """Make the random choices of one sentence."""
    choice = re.compile(r"\(([^()]*\|[^()]*)\)")
    while True:
        found = choice.search(sentence)
        if found is None:
            break
        picked = rng.choice(found.group(1).split("|"))
        sentence = sentence[: found.start()] + picked + sentence[found.end() :]
    number = rng.randrange
    values = {
        "user": lambda: rng.choice(USERS),
        "service": lambda: rng.choice(SERVICES),
        "host": lambda: f"{rng.choice(HOSTS)}{number(20)}",
        "word": lambda: rng.choice(WORDS),
        "path": lambda: rng.choice(PATHS),
        "ip": lambda: f"10.{number(256)}.{number(256)}.{number(256)}",
        "n": lambda: str(number(10_000)),
        "id": lambda: f"{rng.choice(['', '#', 'A-', 'x'])}{number(10**6)}",
        "money": lambda: f"{number(1000)}.{number(100):02d} {rng.choice(['EUR', 'USD', 'GBP'])}",
        "plan": lambda: rng.choice(["free", "basic", "premium", "enterprise", "team"]),
        "year": lambda: str(2015 + number(11)),
        "method": lambda: rng.choice(["GET", "POST", "PUT", "DELETE"]),
        "status": lambda: rng.choice(["200", "201", "204", "301", "404"]),
    }
    filled = re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)](), sentence)
    return " ".join(filled.split())


def generate(
    keep: range | set[int], seed: int, keywords: bool = True
) -> tuple[list[str], list[str]]:
    """Messages and labels of the sentences whose number modulo FOLDS is in ``keep``."""
    rng = random.Random(seed)
    messages, labels = [], []
    for label, text in SOURCES.items():
        for i, sentence in enumerate(text.strip().splitlines()):
            if i % FOLDS not in keep:
                continue
            for _ in range(PER_SENTENCE):
                framed = rng.choice(PREFIXES) + sentence + rng.choice(SUFFIXES)
                messages.append(fill(framed, rng))
                labels.append(label)
        words = phrases.KEYWORDS[label].split() if keywords else []
        neutral = phrases.KEYWORDS["General"].split()
        for word in words:
            for _ in range(KEYWORD_MESSAGES):
                around = [word, *rng.choices(neutral, k=rng.randrange(4)), *rng.choices(words, k=1)]
                rng.shuffle(around)
                messages.append(" ".join(around))
                labels.append(label)
    return messages, labels


def evaluate() -> None:
    """Print accuracy on left-out sentences: per category, and what is taken for what."""
    confused: Counter[tuple[str, str]] = Counter()
    total: Counter[str] = Counter()
    for fold in range(FOLDS):
        model = LogClassifier(**SETTINGS).fit(*generate({f for f in range(FOLDS) if f != fold}, 1))
        messages, truth = generate({fold}, 2, keywords=False)
        for found, label in zip(model.predict(messages).tolist(), truth, strict=True):
            total[label] += 1
            confused[label, found] += 1
    right = sum(n for (a, b), n in confused.items() if a == b)
    print(f"sentences never seen: accuracy {right / total.total():.3f}")
    for label in SOURCES:
        row = {b: f"{confused[label, b] / total[label]:.3f}" for b in SOURCES}
        print(f"  {label:12s}", row)


def main() -> int:
    """Evaluate, train on everything, write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    evaluate()
    model = LogClassifier(**SETTINGS).fit(*generate(range(FOLDS), 1))
    arguments.out.parent.mkdir(exist_ok=True)
    model.save(arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, T = {model.temperature_:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
