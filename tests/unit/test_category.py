"""The category model that ships, on text that no generator made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.unit.test_templates import SYSTEMS, labelled

from logforest.classify import LogClassifier

SENTENCES = Path(__file__).parents[1] / "category_sentences.txt"


def sentences() -> tuple[list[str], list[str]]:
    """Sentences written by hand for this test, twenty a category, and their categories."""
    messages, labels, label = [], [], ""
    for line in SENTENCES.read_text("utf-8").splitlines():
        if line.startswith("# "):
            label = line[2:]
        elif line:
            messages.append(line)
            labels.append(label)
    return messages, labels


def test_confidence_on_sentences_written_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    messages, labels = sentences()
    assert Counter(labels) == dict.fromkeys(("Security", "Performance", "Business", "General"), 20)
    model = LogClassifier.default()
    confidence = model.predict_proba(messages).max(axis=1)
    right = model.predict(messages) == np.array(labels)
    place = np.minimum((confidence * 10).astype(int), 9)
    error = sum(
        np.mean(place == b) * abs(confidence[place == b].mean() - right[place == b].mean())
        for b in np.unique(place)
    )
    with capsys.disabled():
        print(f"\nby hand: {right.mean():.3f} right, expected calibration error {error:.3f}")
    assert right.mean() >= 0.9
    assert error <= 0.08


def test_logs_of_systems_are_hardly_business() -> None:
    model = LogClassifier.default()
    found: Counter[str] = Counter()
    for system in SYSTEMS:
        messages, truth = labelled("loghub_2k", system)
        found.update(model.predict(list(dict(zip(truth, messages, strict=True)).values())).tolist())
        if system == "OpenSSH":
            assert np.mean(model.predict(messages) == "Security") >= 0.7
    assert found["Business"] <= 0.1 * found.total()
    assert found["General"] >= 0.5 * found.total()
