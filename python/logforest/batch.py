"""LogBatch: log records in columns, from parse to commit one object."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from logforest import _core
from logforest.errors import ConfigError
from logforest.values import CATEGORIES, LEVELS, instant, one_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["LogBatch"]

_SHOWN_COLUMNS = ("timestamp", "level", "service", "source", "message")


class LogBatch:
    """Log records in Arrow columns.

    Columns: ``id, tenant, timestamp (us, UTC), level, service, source, message, endpoint, method,
    status_code, response_time (ms), ip_address, user_id, trace_id, span_id, category,
    template_id, metadata (JSON), created_at``. Everything that speaks the Arrow PyCapsule
    interface (pyarrow, Polars, DuckDB, pandas) reads it without a copy.

    Example:
        >>> import logforest as lf
        >>> logs = lf.parse(b'{"level": "error", "msg": "disk full", "disk": "sda"}')
        >>> logs.num_rows, logs["message"][0].as_py(), logs["level"][0].as_py()
        (1, 'disk full', 'ERROR')
    """

    __slots__ = ("_core", "_table")

    def __init__(self) -> None:
        self._core = _core.LogBatch()
        self._table: pa.Table | None = None

    @classmethod
    def _from_core(cls, core: _core.LogBatch) -> LogBatch:
        batch = cls.__new__(cls)
        batch._core = core
        batch._table = None
        return batch

    @classmethod
    def from_arrow(cls, source: Any) -> LogBatch:
        """Make a batch from any Arrow object with the columns of a record.

        Args:
            source: anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (pyarrow,
                Polars, DuckDB relation, pandas >= 2.2), with any subset of the columns in any
                order; types are cast. Level and category may be names in any usual spelling.

        Raises:
            ConfigError: a column is unknown or cannot be cast.

        Example:
            >>> import pyarrow as pa, logforest as lf
            >>> lf.LogBatch.from_arrow(pa.table({"message": ["a", "b"]})).num_rows
            2
        """
        if isinstance(source, LogBatch):
            return source
        from logforest._arrow import conform

        return cls._from_core(_core.LogBatch.from_arrow(conform(source)))

    @classmethod
    def concat(cls, batches: Iterable[LogBatch]) -> LogBatch:
        """Join batches in order; columns are shared, not copied. Counts add up."""
        return cls._from_core(_core.concat([batch._core for batch in batches]))

    def __reduce__(self) -> tuple[Any, ...]:
        # For worker processes; a batch without ids keeps none.
        return _restore, (self._arrow(), self.rejected, self.counts, self.format)

    @property
    def num_rows(self) -> int:
        """How many records there are."""
        return self._core.num_rows

    def __len__(self) -> int:
        return self._core.num_rows

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._arrow().column_names)

    @property
    def format(self) -> str:
        """The name of the format that was read; ``mixed`` when sources differ."""
        return self._core.format

    @property
    def counts(self) -> dict[str, int]:
        """What became of the lines: ``lines = records + rejected + continuation + blank``.

        (Except that a line of JSON may hold several records.) ``ambiguous_dates`` counts stamps
        whose day and month were told apart by ``day_first``, ``repaired_bytes`` the ill-formed
        UTF-8 sequences that were replaced by U+FFFD.
        """
        return self._core.counts

    @property
    def rejected(self) -> pa.Table:
        """Rejected lines.

        Columns: ``line`` (1-based), ``offset`` (bytes) and ``file`` say where: the path as it was
        opened, null for text from memory; ``reason`` why; ``text`` what, capped.
        """
        import pyarrow as pa

        return pa.table(self._core.rejected())

    def __getitem__(self, column: str) -> pa.ChunkedArray:
        table = self._arrow()
        if column not in table.column_names:
            raise KeyError(f"no column {column!r}; there are {', '.join(table.column_names)}")
        return table[column]

    def __contains__(self, column: object) -> bool:
        return column in self._arrow().column_names

    def _arrow(self) -> pa.Table:
        if self._table is None:
            import pyarrow as pa

            self._table = pa.table(self._core)
        return self._table

    def to_arrow(self) -> pa.Table:
        """A pyarrow table that shares the memory of this batch."""
        return self._arrow()

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame (the one copy that pandas needs)."""
        frame: pd.DataFrame = self._arrow().to_pandas()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """A Polars frame; strings are converted to Polars's own layout."""
        import polars as pl

        frame = pl.from_arrow(self._arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._core.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._core.__arrow_c_schema__()

    def filter(self, mask: Any = None, /, **equals: object) -> LogBatch:
        """Keep some records.

        Args:
            mask: booleans (pyarrow, numpy or a list), one a record, or a
                ``pyarrow.compute`` expression; optional.
            **equals: ``column=value`` or ``column=[values]``; all must hold. Levels and categories
                in any usual spelling; None is what is missing.

        Raises:
            ConfigError: no such column, a value that it cannot hold, a mask of another length.

        Example:
            >>> import logforest as lf
            >>> logs = lf.parse(b"level=info msg=a\\nlevel=error msg=b", format="logfmt")
            >>> logs.filter(level="ERROR")["message"].to_pylist()
            ['b']
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        table = self._arrow()
        if isinstance(mask, pc.Expression):
            table = table.filter(mask)
        elif mask is not None:
            try:
                flags = mask if isinstance(mask, pa.ChunkedArray) else pa.array(mask, pa.bool_())
            except (TypeError, pa.ArrowException) as error:
                raise ConfigError(f"the mask does not hold booleans: {error}") from None
            if len(flags) != table.num_rows:
                raise ConfigError(f"the mask has {len(flags)} values for {table.num_rows} records")
            table = table.filter(flags)
        for name, value in equals.items():
            if name not in table.column_names:
                raise ConfigError(f"no column {name!r}; there are {', '.join(table.column_names)}")
            column = table[name]
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            table = table.filter(pc.is_in(column, _wanted(name, value, column.type)))
        return self._some(table)

    def head(self, n: int = 5) -> LogBatch:
        """The first ``n`` records."""
        return self._some(self._arrow().slice(0, max(0, n)))

    def _some(self, table: pa.Table) -> LogBatch:
        """Some of these records: of the same format."""
        some = LogBatch.from_arrow(table)
        some._core.format = self.format
        return some

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("iterate over a column (logs['message']) or over logs.to_arrow() rows")

    def __repr__(self) -> str:
        return (
            f"LogBatch({self.num_rows} records, format={self.format!r}, "
            f"rejected={self.counts['rejected']})"
        )

    def _repr_html_(self) -> str:
        rows = self._arrow().slice(0, 10).select(list(_SHOWN_COLUMNS)).to_pylist()
        head = "".join(f"<th>{name}</th>" for name in _SHOWN_COLUMNS)
        body = "".join(f"<tr>{_cells(row[name] for name in _SHOWN_COLUMNS)}</tr>" for row in rows)
        return (
            f"<p>{html.escape(repr(self))}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _restore(table: pa.Table, rejected: pa.Table, counts: dict[str, int], format: str) -> LogBatch:
    """Unpickle."""
    core = _core.LogBatch.from_arrow(table)
    row: dict[str, Any]
    for row in rejected.to_pylist():
        core.add_reject(
            row["line"], row["offset"], row["reason"], row["text"], row.get("file") or ""
        )
    core.counts = counts
    core.format = format
    return LogBatch._from_core(core)


def _wanted(name: str, value: object, kind: pa.DataType) -> pa.Array:
    """The values of a filter as the column has them."""
    import pyarrow as pa

    alone = isinstance(value, (str, bytes)) or not isinstance(value, Iterable)
    wanted = [value] if alone else list(value)  # type: ignore[call-overload]
    allowed = {"level": LEVELS, "category": CATEGORIES}.get(name)
    if allowed is not None:
        wanted = [v if v is None else one_of(name, [v], allowed)[0] for v in wanted]  # type: ignore[list-item]
    elif pa.types.is_timestamp(kind):
        wanted = [instant(name, v) for v in wanted]
    try:
        return pa.array(wanted, kind)
    except (TypeError, OverflowError, pa.ArrowException) as error:
        raise ConfigError(f"{name} holds {kind}, not {value!r}: {error}") from None


def _cells(values: Iterable[object]) -> str:
    return "".join(f"<td>{'' if v is None else html.escape(_shorten(str(v)))}</td>" for v in values)


def _shorten(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
