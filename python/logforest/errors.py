"""The exceptions of logforest.

``LogforestError`` is the root; each class also derives from the built-in exception a caller
would expect, so ``except ValueError`` works too.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "LogforestError",
    "ModelError",
    "ParseError",
    "QueueError",
    "StoreError",
]


class LogforestError(Exception):
    """Base of every error that logforest raises on purpose.

    Examples
    --------
    >>> import logforest as lf
    >>> try:
    ...     lf.open("mysql://somewhere")
    ... except lf.LogforestError as error:
    ...     print(type(error).__name__)
    ConfigError
    """


class ParseError(LogforestError, ValueError):
    """The input as a whole cannot be read (single bad lines are rejects, never errors).

    Examples
    --------
    >>> import gzip, io
    >>> import logforest as lf
    >>> whole = gzip.compress(b"INFO a line\\n" * 1000)
    >>> try:
    ...     lf.read_logs(io.BytesIO(whole[:-12]))
    ... except lf.ParseError as error:
    ...     print(error.partial.num_rows > 0)
    True
    """

    #: A LogBatch of what was read before the fault, where there is such a thing.
    partial: object = None


class ModelError(LogforestError, ValueError):
    """A model cannot be fitted, read or applied.

    Examples
    --------
    >>> import logforest as lf
    >>> try:
    ...     lf.IsolationForest().predict([[0.0, 1.0]])
    ... except lf.ModelError:
    ...     print("not fitted")
    not fitted
    """


class ConfigError(LogforestError, ValueError):
    """A setting or argument is wrong; the message says which, and what is allowed.

    Examples
    --------
    >>> import logforest as lf
    >>> try:
    ...     lf.parse("text", format="smoke signals")
    ... except lf.ConfigError as error:
    ...     print("smoke signals" in str(error))
    True
    """


class _IoError(LogforestError, ConnectionError):
    #: Whether trying again later may help.
    retryable: bool = False
    #: The server's own code: SQLSTATE or the Redis error word, empty when there is none.
    code: str = ""

    @property
    def blames_server(self) -> bool:
        """Whether the server or its set-up is the cause, and no record that was sent.

        Such work is kept until somebody has mended the server, whether or not trying again at
        once would help: logins (SQLSTATE class 28), missing databases, schemas, tables or rights
        (3D, 3F, 42), TLS, objects in use (55), transaction states (25).
        """
        return (
            self.retryable
            or self.code in ("TLS", "CLOSED")
            or self.code[:2] in ("0A", "0L", "0P", "25", "28", "3D", "3F", "42", "55")
        )


class QueueError(_IoError):
    """The queue (Redis) cannot be reached or refuses.

    Examples
    --------
    >>> from logforest import QueueError
    >>> issubclass(QueueError, ConnectionError), QueueError("away").retryable
    (True, False)
    """

    @property
    def blames_server(self) -> bool:
        """Always: Redis does not look at records."""
        return True


class StoreError(_IoError):
    """The store (DuckDB file, Postgres) cannot be reached or refuses.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import logforest as lf
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "logs.duckdb"
    >>> _ = file.write_text("this is no DuckDB file")
    >>> try:
    ...     lf.open(file)
    ... except lf.StoreError as error:
    ...     print(str(file) in str(error))
    True
    """
