"""Templates of log messages: mined online, mergeable in any order, with stable ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from logforest import _core
from logforest._estimator import shown, tags
from logforest._model_file import ModelFile
from logforest.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ids = npt.NDArray[np.int64]

__all__ = ["TemplateMiner", "template_signals"]

MASKS = ("date", "quantity", "path", "host", "hex", "boolean")


def text_source(messages: Any) -> Any:
    """Return what the core reads without a copy: a core batch, a list or an Arrow string stream."""
    core = getattr(messages, "_core", messages)
    if isinstance(core, _core.LogBatch | list | tuple):
        return core
    if isinstance(messages, str | bytes):
        raise TypeError("expected a sequence of messages, got one string: wrap it in a list")
    if hasattr(messages, "__arrow_c_stream__") or hasattr(messages, "__arrow_c_array__"):
        import pyarrow as pa

        column = pa.chunked_array(messages)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = column.cast(pa.large_string())
        return column
    return list(messages)


class _Stream:
    """Hands an Arrow capsule to pyarrow."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule


class TemplateMiner(ModelFile):
    """Group log messages into templates such as ``Failed password for <*> from <*>``.

    A message is cut into words and its variable parts (words with a digit, and the shapes of
    ``masks``) become wildcards. What is counted is the resulting *shape*: thousands for millions
    of messages. Shapes are then grouped by a pure function of the set of shapes (see
    ``src/logforest/templates/grouping.hpp``; ideas of Brain, IEEE TSC 2023, and Drain, ICWS
    2017), so the result does not depend on order, batches, threads or how the parts of a merge
    were cut, as long as ``max_shapes`` was never exceeded.

    Ids are fingerprints in [0, 2**53): the id of a template is the smallest fingerprint of its
    shapes, equal in every process that saw the same shapes. When templates join as more
    messages arrive, every id ever given is still the fingerprint of a known shape, and
    :meth:`lineage` says which template it belongs to now.

    Parameters
    ----------
    masks : shapes that are variable beside words with digits; any of ``date``, ``quantity``
        (units behind numbers), ``path``, ``host`` (domains, host:port, MAC, IPv6), ``hex``,
        ``boolean``.
    extra_masks : RE2 patterns of your own; what they match is variable.
    max_shapes : bound of the state; beyond it the rarest shapes are forgotten (their lines stay
        counted in ``dropped_lines_``).
    min_values : so many different plain words at one place make it variable; the thresholds for
        other kinds of words move with it.
    n_jobs : threads; None: one per core. The result does not depend on it.

    Notes
    -----
    Messages: a list of str, an Arrow string array, or a LogBatch (its timestamps then fill
    ``first_seen`` and ``last_seen``). Examples are kept as they came: mask personal data first
    where that matters. Safe to call from several threads.

    Examples
    --------
    >>> miner = TemplateMiner()
    >>> ids = miner.fit_transform(["job 17 done in 3 ms", "job 18 done in 51 ms", "bye"])
    >>> bool(ids[0] == ids[1]), bool(ids[1] == ids[2])
    (True, False)
    >>> miner.templates.column("template").to_pylist()
    ['job <*> done in <*> ms', 'bye']
    """

    def __init__(
        self,
        *,
        masks: Sequence[str] = MASKS,
        extra_masks: Sequence[str] = (),
        max_shapes: int = 100_000,
        min_values: int = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.masks = masks
        self.extra_masks = extra_masks
        self.max_shapes = max_shapes
        self.min_values = min_values
        self.n_jobs = n_jobs
        self._core: _core.TemplateMiner | None = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters (scikit-learn's convention)."""
        return {
            name: getattr(self, name)
            for name in ("masks", "extra_masks", "max_shapes", "min_values", "n_jobs")
        }

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters; they take effect with the next ``fit``."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ConfigError(f"unknown parameter {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return shown(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._core is not None

    def __sklearn_tags__(self) -> Any:
        return tags("transformer")

    def _new_core(self) -> _core.TemplateMiner:
        bits = 0
        for mask in self.masks:
            if mask not in MASKS:
                raise ConfigError(f"unknown mask {mask!r}: use some of {', '.join(MASKS)}")
            bits |= 1 << MASKS.index(mask)
        return _core.TemplateMiner(
            masks=bits,
            patterns=list(self.extra_masks),
            max_shapes=self.max_shapes,
            min_values=self.min_values,
        )

    def _fitted(self) -> _core.TemplateMiner:
        if self._core is None:
            raise ModelError("the miner has seen no messages: call fit or partial_fit first")
        return self._core

    def _threads(self) -> int:
        return -1 if self.n_jobs is None else self.n_jobs

    def _observe(self, messages: Any, timestamps: Any, want_ids: bool) -> Ids:
        if self._core is None:
            self._core = self._new_core()
        times = None if timestamps is None else _microseconds(timestamps)
        return self._core.fit(text_source(messages), times, self._threads(), want_ids)

    def fit(self, messages: Any, y: object = None, *, timestamps: Any = None) -> Self:
        """Forget everything and learn ``messages``.

        ``timestamps``: datetime64 or int64 microseconds since 1970 UTC, one a message.
        """
        self._core = None
        return self.partial_fit(messages, timestamps=timestamps)

    def partial_fit(self, messages: Any, y: object = None, *, timestamps: Any = None) -> Self:
        """Add ``messages`` to what is known."""
        self._observe(messages, timestamps, want_ids=False)
        return self

    def fit_transform(self, messages: Any, y: object = None, *, timestamps: Any = None) -> Ids:
        """Learn ``messages`` and return the template id of each, int64 ``[n_messages]``."""
        self._core = None
        return self._observe(messages, timestamps, want_ids=True)

    def partial_fit_transform(self, messages: Any, *, timestamps: Any = None) -> Ids:
        """Add ``messages`` and return the template id of each, int64 ``[n_messages]``."""
        return self._observe(messages, timestamps, want_ids=True)

    def transform(self, messages: Any) -> Ids:
        """Return the template id of each message without learning it.

        A message of no known template gets the fingerprint it would start a template with;
        ``lineage`` of it is None.
        """
        return self._fitted().transform(text_source(messages), self._threads())

    def merge(self, other: TemplateMiner) -> Self:
        """Add all that ``other`` knows; ConfigError when the masks differ."""
        if other._core is None:
            return self
        if self._core is None:
            self._core = self._new_core()
        self._core.merge(other._core)
        return self

    def lineage(self, template_id: int) -> int | None:
        """Return the present template of an id given earlier, None if it was never seen."""
        found = self._fitted().lineage(template_id)
        return None if found < 0 else found

    def lineages(self, template_ids: Any) -> Ids:
        """Return :meth:`lineage` of many ids, int64; -1 for those never seen."""
        import numpy as np

        return self._fitted().lineages(np.ascontiguousarray(template_ids, np.int64))

    @property
    def templates(self) -> pa.Table:
        """Arrow table id, template, count, example, first_seen, last_seen, shapes.

        Most frequent first. Times are timestamp[us, UTC], null where none were given; ``shapes``
        counts the distinct shapes behind the template.
        """
        import pyarrow as pa

        return pa.table(_Stream(self._fitted().templates()))

    @property
    def lines_(self) -> int:
        """Messages seen."""
        return self._fitted().totals()[0]

    @property
    def shapes_(self) -> int:
        """Distinct shapes held."""
        return self._fitted().totals()[1]

    @property
    def dropped_lines_(self) -> int:
        """Messages whose shape was forgotten because of ``max_shapes``."""
        return self._fitted().totals()[2]

    def window_counts(self, messages: Any, *, every: str, timestamps: Any = None) -> pa.Table:
        """Count templates by time window: Arrow table window_start, template_id, count.

        ``every``: a length such as ``30s``, ``1m``, ``1h``. Messages are not learnt.
        """
        import numpy as np
        import pyarrow as pa

        width = _duration(every)
        ids = self.transform(messages)
        if timestamps is None:
            if not hasattr(messages, "__getitem__") or isinstance(messages, list | tuple):
                raise ConfigError("window_counts needs timestamps, or a LogBatch that has them")
            timestamps = messages["timestamp"]
        windows = _microseconds(timestamps) // width
        if len(windows) != len(ids):
            raise ConfigError("timestamps and messages differ in length")
        _, first, counts = np.unique(
            np.stack([windows, ids]), axis=1, return_index=True, return_counts=True
        )
        starts = pa.array(windows[first] * width, pa.timestamp("us", "UTC"))
        return pa.table({"window_start": starts, "template_id": ids[first], "count": counts})

    def to_bytes(self) -> bytes:
        """Return the state in logforest's own format: versioned, checksummed, no pickle."""
        return self._fitted().save()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote; ModelError for anything else."""
        core = _core.TemplateMiner.load(data)
        bits, patterns, max_shapes, min_values = core.options()
        miner = cls(
            masks=tuple(name for i, name in enumerate(MASKS) if bits >> i & 1),
            extra_masks=tuple(patterns),
            max_shapes=max_shapes,
            min_values=min_values,
        )
        miner._core = core
        return miner

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_core"] = None if self._core is None else self.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_core"] is not None:
            self._core = _core.TemplateMiner.load(state["_core"])


def template_signals(
    counts: pa.Table,
    *,
    baseline: int = 60,
    alpha: float = 1e-4,
    min_ratio: float = 3.0,
    min_count: int = 5,
) -> pa.Table:
    """Judge the last window of ``counts`` against those before it.

    Parameters
    ----------
    counts : table window_start, template_id, count, as ``TemplateMiner.window_counts`` gives.
    baseline : windows looked back at, at most. Windows without any message count as silent.
    alpha : probability under the history below which a count is a signal.
    min_ratio, min_count : a surge is also at least so many times the mean, and so many messages.

    Returns
    -------
    Arrow table template_id, signal (``new``, ``surging``, ``vanished``), count, expected (mean of
    the history), p_value; ordered by p_value. The model is a negative binomial with the history's
    mean and variance (Poisson where the variance is not above the mean); ``new`` means never seen
    in the history, ``vanished`` means zero now where zero has a probability below ``alpha``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> t = pa.table({"window_start": [0, 1, 2, 3, 3], "template_id": [7, 7, 7, 7, 8],
    ...               "count": [4, 5, 4, 90, 2]})
    >>> template_signals(t).column("signal").to_pylist()
    ['surging', 'new']
    """
    import numpy as np
    import pyarrow as pa

    starts = np.asarray(counts.column("window_start").cast(pa.int64()))
    ids = np.asarray(counts.column("template_id"))
    values = np.asarray(counts.column("count"))
    rows: list[tuple[int, str, int, float, float]] = []
    if len(starts) > 0:
        windows = np.unique(starts)
        width = int(np.diff(windows).min()) if len(windows) > 1 else 1
        now = int(windows[-1])
        length = min(baseline, (now - int(windows[0])) // width)
        back = (now - starts) // width
        for template in np.unique(ids[back <= length]).tolist():
            mine = ids == template
            current = int(values[mine & (back == 0)].sum())
            history = np.zeros(length)
            old = mine & (back >= 1) & (back <= length)
            np.add.at(history, back[old] - 1, values[old])
            mean = float(history.mean()) if length else 0.0
            variance = float(history.var()) if length else 0.0
            if mean == 0.0:
                if current > 0 and length > 0:
                    rows.append((template, "new", current, 0.0, 1.0 / (length + 1)))
                continue
            p_more = _upper_tail(current, mean, variance)
            p_zero = 1.0 - _upper_tail(1, mean, variance)
            if current >= max(min_count, min_ratio * mean) and p_more < alpha:
                rows.append((template, "surging", current, mean, p_more))
            elif current == 0 and p_zero < alpha:
                rows.append((template, "vanished", current, mean, p_zero))
    rows.sort(key=lambda r: (r[4], r[0]))
    names = ("template_id", "signal", "count", "expected", "p_value")
    types = (pa.int64(), pa.string(), pa.int64(), pa.float64(), pa.float64())
    columns: Iterable[tuple[Any, ...]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def _upper_tail(count: int, mean: float, variance: float) -> float:
    """P(X >= count) of a negative binomial with this mean and variance, or of a Poisson."""
    if count <= 0:
        return 1.0
    if count > mean:
        # Summed from `count` upwards: exact where the tail is small.
        log_term = _log_pmf(count, mean, variance)
        total, k, term = 0.0, count, math.exp(log_term)
        while term > total * 1e-12 and k < count + 100_000:
            total += term
            term *= _ratio(k, mean, variance)
            k += 1
        return min(1.0, total)
    below = math.fsum(math.exp(_log_pmf(k, mean, variance)) for k in range(count))
    return max(0.0, 1.0 - below)


def _log_pmf(k: int, mean: float, variance: float) -> float:
    if variance <= mean * (1 + 1e-9):
        return k * math.log(mean) - mean - math.lgamma(k + 1)
    r = mean * mean / (variance - mean)
    return (
        math.lgamma(k + r)
        - math.lgamma(r)
        - math.lgamma(k + 1)
        + r * math.log(mean / variance)
        + k * math.log1p(-mean / variance)
    )


def _ratio(k: int, mean: float, variance: float) -> float:
    """pmf(k + 1) / pmf(k)."""
    if variance <= mean * (1 + 1e-9):
        return mean / (k + 1)
    r = mean * mean / (variance - mean)
    return (k + r) / (k + 1) * (1 - mean / variance)


def _microseconds(timestamps: Any) -> Ids:
    import numpy as np

    if hasattr(timestamps, "cast"):  # Arrow: through the logical type to int64
        import pyarrow as pa

        if pa.types.is_timestamp(timestamps.type):
            timestamps = timestamps.cast(pa.timestamp("us", timestamps.type.tz))
        timestamps = timestamps.cast(pa.int64())
    values = np.asarray(timestamps)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[us]")
    elif values.dtype.kind not in "iu":
        raise ConfigError("timestamps must be datetime64 or int64 microseconds")
    return np.ascontiguousarray(values.astype(np.int64))


def _duration(text: str) -> int:
    """Microseconds of "30s", "5m", "1h", "1d"."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdigit() or int(number) == 0:
        raise ConfigError(f"{text!r} is no length of time: write 30s, 5m, 1h or 1d")
    return int(number) * units[unit] * 1_000_000
