"""scikit-learn's own checks on our estimators, and what they do without scikit-learn."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from logforest.forest import IsolationForest

_WEIGHTS = "weights are chances to be drawn, as in scikit-learn's own IsolationForest"
EXPECTED_FAILED = {
    "check_sample_weight_equivalence_on_dense_data": _WEIGHTS,
}


with warnings.catch_warnings():
    # "does not inherit from BaseEstimator": on purpose, as it must work without scikit-learn.
    warnings.simplefilter("ignore")
    _scikit_learn_checks = parametrize_with_checks(
        [IsolationForest(n_estimators=5)], expected_failed_checks=lambda _: EXPECTED_FAILED
    )


@_scikit_learn_checks
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_check(estimator: Any, check: Any) -> None:
    check(estimator)


def test_works_without_scikit_learn() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from logforest.forest import IsolationForest
from logforest.errors import ModelError
forest = IsolationForest(random_state=1)
try:
    forest.predict(np.zeros((1, 2)))
except ModelError as error:
    assert "not fitted" in str(error)
else:
    raise SystemExit("no error")
forest.set_params(n_estimators=7).fit(np.random.default_rng(0).normal(size=(50, 2)))
assert forest.get_params()["n_estimators"] == 7
assert set(forest.predict(np.zeros((3, 2)))) == {1}
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
