"""Windows: counts, errors and response times of records by time and keys.

A window is a mergeable partial aggregate. Everything in it is an exact sum, a minimum or a
maximum, so the result is the same to the last bit whatever the order of the records, the number
of threads, or the way the data was split and merged. Late and out-of-order records simply count
in the window of their timestamp; records delivered twice count twice (the store's ledger is what
keeps repeats out).

Quantiles come from a DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019) with a relative error of at
most 1 %, for response times from a nanosecond to 500 years.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from logforest import _core
from logforest._inputs import Capsule, core_batch
from logforest.errors import ConfigError
from logforest.values import names, parse_duration

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["BASE_KEYS", "WindowTable", "aggregate", "merge", "parse_duration"]

#: Keys of the windows that stores keep, one minute wide.
BASE_KEYS = ("tenant", "service", "level", "category")


def aggregate(
    logs: Any,
    *,
    every: str | timedelta = "5m",
    by: Sequence[str] | str = ("service", "level"),
    slide: str | timedelta | None = None,
    threads: int | None = None,
) -> WindowTable:
    """Aggregate records into windows.

    Parameters
    ----------
    logs
        A LogBatch, or anything with ``__arrow_c_stream__`` and the columns of a record.
    every
        Width of a window: ``"30s"``, ``"5m"``, ``"1h"``, ``"1d"``, or a timedelta. Windows are
        aligned to 1970-01-01T00:00Z, whole weeks to Monday.
    by
        Keys: of ``tenant, service, source, level, category, method, endpoint, status_class``
        (``"2xx"``), ``template_id``. May be empty. Null is a key of its own.
    slide
        Distance between the starts of windows; smaller than ``every`` for sliding windows (a
        record then counts in each window that holds it). By default windows do not overlap.
    threads
        Default: one per core. The result does not depend on it.

    Returns
    -------
    WindowTable
        One row per window and keys that hold a record, ordered by both. An error is a record
        with level ERROR or CRITICAL or with status 500 or more. Response times in ms.

    Raises
    ------
    ConfigError
        Unknown key, no duration, ``slide`` above ``every``.

    Examples
    --------
    >>> import logforest as lf
    >>> logs = lf.parse(b'{"ts": 0, "service": "web", "duration_ms": 3, "msg": "a"}')
    >>> lf.aggregate(logs, every="1m", by=["service"])["count"].to_pylist()
    [1]
    """
    width = parse_duration(every)
    step = width if slide is None else parse_duration(slide)
    if by is None:  # () says that there are no keys
        raise ConfigError("by: give a name or a list of names, not None")
    core = core_batch(logs)
    return WindowTable(
        _core.Windows.aggregate(core, width, step, list(names("by", by)), threads or 0)
    )


def merge(*tables: WindowTable | Iterable[WindowTable]) -> WindowTable:
    """Windows of all records together: ``merge(aggregate(a), aggregate(b)) == aggregate(a + b)``.

    Takes tables, or one iterable of them, of equal width, slide and keys; in any order, the
    result has the same bits.

    Raises
    ------
    ConfigError
        Nothing to merge, or tables that do not fit together.

    Examples
    --------
    >>> import logforest as lf
    >>> logs = lf.parse("2025-03-04T10:00:00Z ERROR disk full\\n")
    >>> hour = lf.aggregate(logs, every="1h", by=("level",))
    >>> lf.merge(hour, hour).to_arrow()["count"].to_pylist()
    [2]
    """
    flat: list[WindowTable] = []
    for table in tables:
        flat.extend([table] if isinstance(table, WindowTable) else _tables(table))
    if not flat:
        raise ConfigError("nothing to merge: pass at least one WindowTable")
    total = flat[0]._windows
    for table in flat[1:]:
        total = total.merge(table._windows)
    return WindowTable(total)


def _tables(tables: Iterable[WindowTable]) -> list[WindowTable]:
    found = list(tables) if isinstance(tables, Iterable) else [tables]
    for table in found:
        if not isinstance(table, WindowTable):
            raise ConfigError(f"merge takes WindowTables, not {type(table).__name__}")
    return found


class WindowTable:
    """Windows as an Arrow table: ``window_start``, the keys, ``count``, ``error_count``,
    ``error_rate``, ``response_time_{mean,std,min,max,p50,p95,p99}`` (ms; null where no record of
    the window has a response time; ``std`` is the sample deviation), ``window_end``.

    It speaks the Arrow PyCapsule protocol, so pandas, Polars, DuckDB and pyarrow read it without
    a copy. The state that merging needs is kept beside the columns; ``to_arrow(state=True)``
    shows it, ``from_arrow`` reads it back.

    Examples
    --------
    >>> import logforest as lf
    >>> logs = lf.parse("2025-03-04T10:00:00Z ERROR disk full\\n2025-03-04T10:07:00Z INFO fine\\n")
    >>> windows = lf.aggregate(logs, every="5m", by=("level",))
    >>> stored = windows.to_arrow(state=True)
    >>> lf.WindowTable.from_arrow(stored, by=("level",)).to_arrow()["count"].to_pylist()
    [1, 1]
    """

    __slots__ = ("_table", "_windows")

    def __init__(self, windows: _core.Windows) -> None:
        self._windows = windows
        self._table: pa.Table | None = None

    @property
    def every(self) -> timedelta:
        """Width of a window."""
        return timedelta(microseconds=self._windows.every)

    @property
    def slide(self) -> timedelta:
        """Distance between the starts of windows; equals ``every`` unless they slide."""
        return timedelta(microseconds=self._windows.step)

    @property
    def by(self) -> tuple[str, ...]:
        """The keys."""
        return tuple(self._windows.by)

    @property
    def num_rows(self) -> int:
        """Number of windows."""
        return self._windows.num_rows

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._arrow().column_names)

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, column: str) -> pa.ChunkedArray:
        """A column by name; KeyError when there is none."""
        return self._arrow().column(column)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WindowTable):
            return NotImplemented
        same = (self.every, self.slide, self.by) == (other.every, other.slide, other.by)
        return same and bool(self.to_arrow(state=True).equals(other.to_arrow(state=True)))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        slide = "" if self.slide == self.every else f", slide={self.slide}"
        return f"<WindowTable {self.num_rows} rows, every={self.every}{slide}, by={self.by}>"

    def _repr_html_(self) -> str:
        """The first rows, for notebooks."""
        import html

        table: str = self._arrow().slice(0, 20).to_pandas().to_html(index=False, border=0)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.to_arrow(state=True), self.every, self.slide, self.by)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._windows.result()

    def __arrow_c_schema__(self) -> object:
        return self._arrow().schema.__arrow_c_schema__()

    def _arrow(self) -> pa.Table:
        if self._table is None:
            self._table = self.to_arrow()
        return self._table

    def to_arrow(self, *, state: bool = False) -> pa.Table:
        """A pyarrow table; with ``state`` as the last column (binary) if asked."""
        import pyarrow as pa

        return pa.table(Capsule(self._windows.result(state)))

    def to_pandas(self) -> pd.DataFrame:
        """A pandas DataFrame."""
        frame: pd.DataFrame = self._arrow().to_pandas()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """A Polars DataFrame."""
        import polars as pl

        frame = pl.from_arrow(self._arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def partials(self) -> pa.Table:
        """What stores keep: ``window_start``, keys, ``count``, ``error_count``,
        ``response_time_{count,sum,sumsq,min,max}`` and ``state`` (binary, exact). Rows of the same
        window and keys may be stored side by side: ``from_arrow`` merges them.
        """
        import pyarrow as pa

        return pa.table(Capsule(self._windows.partials()))

    def rollup(
        self,
        *,
        every: str | timedelta | None = None,
        by: Sequence[str] | str | None = None,
        slide: str | timedelta | None = None,
    ) -> WindowTable:
        """The same records in wider or sliding windows, or by fewer keys: equal to ``aggregate``
        of the records with these arguments.

        Raises
        ------
        ConfigError
            A width or slide that is no multiple of this table's, a key it does not have, or a
            table whose windows slide.
        """
        width = self._windows.every if every is None else parse_duration(every)
        step = width if slide is None else parse_duration(slide)
        keys = list(self.by) if by is None else list(names("by", by))
        if (width, step, keys) == (self._windows.every, self._windows.step, list(self.by)):
            return self  # never changed
        return WindowTable(self._windows.rollup(width, step, keys))

    @classmethod
    def from_arrow(
        cls,
        table: Any,
        *,
        every: str | timedelta = "1m",
        by: Sequence[str] = BASE_KEYS,
        slide: str | timedelta | None = None,
    ) -> WindowTable:
        """Read windows back from ``partials()`` or ``to_arrow(state=True)``, also after a trip
        through a database or a file; ``every``, ``by`` and ``slide`` say what they were made with.

        Raises
        ------
        ConfigError
            Missing columns, damaged states, windows not aligned to ``every``.
        """
        import pyarrow as pa

        source = table if isinstance(table, pa.Table) else pa.table(table)
        types = {name: pa.int64() if name == "template_id" else pa.string() for name in by}
        types |= {"count": pa.int64(), "error_count": pa.int64(), "state": pa.binary()}
        types["window_start"] = pa.timestamp("us", tz="UTC")
        missing = [name for name in types if name not in source.column_names]
        if missing:
            raise ConfigError(f"the windows have no column {', '.join(missing)}")
        try:
            plain = pa.table({name: source[name].cast(kind) for name, kind in types.items()})
        except pa.ArrowInvalid as error:
            raise ConfigError(f"the windows cannot be read: {error}") from error
        width = parse_duration(every)
        step = width if slide is None else parse_duration(slide)
        return cls(_core.Windows.from_arrow(plain, width, step, list(by)))


def _restore(table: pa.Table, every: timedelta, slide: timedelta, by: Sequence[str]) -> WindowTable:
    """Unpickle."""
    return WindowTable.from_arrow(table, every=every, slide=slide, by=by)
