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
    """Base of every error that logforest raises on purpose."""


class ParseError(LogforestError, ValueError):
    """The input as a whole cannot be read (single bad lines are rejects, never errors)."""

    #: A LogBatch of what was read before the fault, where there is such a thing.
    partial: object = None


class ModelError(LogforestError, ValueError):
    """A model cannot be fitted, read or applied."""


class ConfigError(LogforestError, ValueError):
    """A setting or argument is wrong; the message says which, and what is allowed."""


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
    """The queue (Redis) cannot be reached or refuses."""

    @property
    def blames_server(self) -> bool:
        """Always: Redis does not look at records."""
        return True


class StoreError(_IoError):
    """The store (DuckDB file, Postgres) cannot be reached or refuses."""
