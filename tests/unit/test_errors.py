"""The exception tree is a contract."""

from __future__ import annotations

import pytest

import logforest as lf


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (lf.ParseError, ValueError),
        (lf.ModelError, ValueError),
        (lf.ConfigError, ValueError),
        (lf.QueueError, ConnectionError),
        (lf.StoreError, ConnectionError),
    ],
)
def test_errors_are_logforest_errors_and_builtins(
    error: type[lf.LogforestError], builtin: type[Exception]
) -> None:
    assert issubclass(error, lf.LogforestError)
    assert issubclass(error, builtin)
