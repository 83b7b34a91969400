"""Templates of log messages: mined online, mergeable in any order, with stable ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from logforest import _core
from logforest._estimator import CoreModel, tags
from logforest._inputs import Capsule, microseconds, text_source
from logforest._model_file import ModelFile
from logforest._template_signals import template_signals
from logforest.errors import ConfigError
from logforest.values import parse_duration

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ids = npt.NDArray[np.int64]

__all__ = ["TemplateMiner", "template_signals"]

MASKS = ("date", "quantity", "path", "host", "hex", "boolean")


class TemplateMiner(CoreModel["_core.TemplateMiner"], ModelFile):
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
    >>> from logforest import TemplateMiner
    >>> miner = TemplateMiner()
    >>> ids = miner.fit_transform(["job 17 done in 3 ms", "job 18 done in 51 ms", "bye"])
    >>> bool(ids[0] == ids[1]), bool(ids[1] == ids[2])
    (True, False)
    >>> miner.templates.column("template").to_pylist()
    ['job <*> done in <*> ms', 'bye']
    """

    _core_class = _core.TemplateMiner
    _unfitted = "the miner has seen no messages: call fit or partial_fit first"

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

    def _observe(self, messages: Any, timestamps: Any, want_ids: bool) -> Ids:
        if self._core is None:
            self._core = self._new_core()
        times = None if timestamps is None else microseconds(timestamps)
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

        return pa.table(Capsule(self._fitted().templates()))

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

        width = parse_duration(every)
        ids = self.transform(messages)
        if timestamps is None:
            if not hasattr(messages, "__getitem__") or isinstance(messages, list | tuple):
                raise ConfigError("window_counts needs timestamps, or a LogBatch that has them")
            timestamps = messages["timestamp"]
        windows = microseconds(timestamps) // width
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
