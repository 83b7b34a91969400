"""The settings of a forest: what they may be, and what they mean for given rows."""

from __future__ import annotations

import math
import numbers
import secrets
from typing import Any

import numpy as np

from logforest._estimator import Parameters
from logforest.errors import ConfigError

__all__ = ["Settings", "seed_of"]

_SEED_MASK = (1 << 64) - 1


def seed_of(random_state: Any) -> int:
    """An unsigned 64-bit seed from an int, a NumPy generator, or None (fresh entropy)."""
    if random_state is None:
        return secrets.randbits(64)
    if isinstance(random_state, numbers.Integral):
        return int(random_state) & _SEED_MASK
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 1 << 63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, (1 << 31) - 1))
    raise ConfigError(
        "random_state must be None, an int, a numpy Generator or a RandomState, "
        f"got {random_state!r}"
    )


class Settings(Parameters):
    """:class:`logforest.IsolationForest` says what each of them is."""

    n_estimators: int
    max_samples: str | int | float
    contamination: str | float
    max_features: int | float
    bootstrap: bool
    n_jobs: int | None
    random_state: Any
    calibration_samples: str | int | None

    def _threads(self) -> int:
        if self.n_jobs is None:
            return 1
        if self.n_jobs == 0:
            raise ConfigError("n_jobs must not be 0: use None or 1 for one thread, -1 for all")
        return int(self.n_jobs)

    def _check_params(self) -> None:
        if not isinstance(self.n_estimators, numbers.Integral) or self.n_estimators < 1:
            raise ConfigError(f"n_estimators must be an int above 0, got {self.n_estimators!r}")
        c = self.contamination
        if c != "auto" and not (isinstance(c, numbers.Real) and 0.0 < float(c) <= 0.5):
            raise ConfigError(f'contamination must be "auto" or in (0, 0.5], got {c!r}')
        limit = self.calibration_samples
        if limit not in (None, "auto") and (not isinstance(limit, numbers.Integral) or limit < 1):
            raise ConfigError(
                f'calibration_samples must be "auto", None or at least 1, got {limit!r}'
            )

    def _sample_size(self, rows: int, drawable: int) -> int:
        m = self.max_samples
        if isinstance(m, str):
            if m != "auto":
                raise ConfigError(f'max_samples must be "auto", an int or a float, got {m!r}')
            size = 256
        elif isinstance(m, numbers.Integral):
            if m < 1:
                raise ConfigError(f"max_samples must be at least 1, got {m!r}")
            size = int(m)
        elif isinstance(m, numbers.Real) and 0.0 < float(m) <= 1.0:
            size = max(1, int(float(m) * rows))
        else:
            raise ConfigError(f'max_samples must be "auto", an int or in (0, 1], got {m!r}')
        return min(size, rows) if self.bootstrap else min(size, max(drawable, 1))

    def _feature_count(self, columns: int) -> int:
        m = self.max_features
        if isinstance(m, numbers.Integral) and 1 <= m <= columns:
            return int(m)
        if isinstance(m, numbers.Real) and not isinstance(m, numbers.Integral):
            share = float(m)
            if 0.0 < share <= 1.0 and math.isfinite(share):
                return max(1, int(share * columns))
        raise ConfigError(
            f"max_features must be an int in [1, {columns}] or a float in (0, 1], got {m!r}"
        )

    def _period(self) -> int:
        if isinstance(self.max_samples, str):
            return 256
        if isinstance(self.max_samples, numbers.Integral) and self.max_samples >= 1:
            return int(self.max_samples)
        raise ConfigError(
            'partial_fit needs max_samples to be "auto" or an int: a stream has no end'
        )
