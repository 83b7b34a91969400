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


class QueueError(_IoError):
    """The queue (Redis) cannot be reached or refuses."""


class StoreError(_IoError):
    """The store (DuckDB file, Postgres) cannot be reached or refuses."""
