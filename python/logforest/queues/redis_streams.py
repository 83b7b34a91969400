"""The log queue of the server profile: one Redis stream, blocks of raw bytes, consumer groups.

Written for Redis 7.0 (one node, or a primary with replicas; not Redis Cluster). What is
acknowledged survives a crash of Redis with ``appendfsync always``; ``everysec`` may lose the last
second at a power cut; replication is asynchronous, so a failover may lose what it had not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from logforest import _core
from logforest.errors import ConfigError, QueueError
from logforest.queues.redis_entries import Added, DeadLetter, NewBlock, added, dead_letter

if TYPE_CHECKING:
    from logforest._core import StreamItem, StreamRead

__all__ = ["GROUPS", "RedisLog"]

GROUPS = ("store", "detect", "insight")
_REMEMBER_SECONDS = 24 * 3600  # how long a block's key answers for repeats


@cache
def _script(name: str) -> str:
    return resources.files(__package__).joinpath("lua", f"{name}.lua").read_text("utf-8")


class RedisLog:
    """The stream ``log_queue`` with its counters and its dead letters. Thread safe.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, ``rediss://`` for TLS (options
            ``sslmode``, ``sslrootcert``, ``sslcert``, ``sslkey``, ``hostaddr`` after ``?``), or
            ``unix:///path[?db=n]``.
        stream: name of the stream; the other keys start with it.
        max_lag: records accepted but not stored beyond which blocks are refused (0: no limit).
        max_entries: entries in the stream beyond which blocks are refused (0: no limit).
        pool_size: connections at most.
        connect_timeout, command_timeout: seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "log_queue",
        max_lag: int = 2_000_000,
        max_entries: int = 1_000_000,
        pool_size: int = 8,
        connect_timeout: float = 5.0,
        command_timeout: float = 30.0,
        name: str = "logforest",
    ) -> None:
        self.client = _core.RedisClient(
            url,
            pool_size=pool_size,
            connect_timeout=connect_timeout,
            command_timeout=command_timeout,
            name=name,
        )
        self.stream = stream
        self.ids = f"{stream}:ids"
        self.acked = f"{stream}:acked"
        self.dead = f"{stream}:dead"
        self.max_lag = max_lag
        self.max_entries = max_entries

    # --- producing -----------------------------------------------------------------------

    def add(self, blocks: Sequence[NewBlock]) -> list[Added | QueueError]:
        """Add blocks in one round trip; each for itself is atomic.

        Returns:
            One outcome a block, in order: QueueError with code ``LAGLIMIT``, ``OOM``,
            ``READONLY``, ... for those that were refused.

        Raises:
            QueueError: Redis is down. The outcome is unknown; sending the same blocks (same
                keys) again adds none of them twice.
        """
        for reload in (False, True):
            sha = self.client.load_script(_script("add_block"), reload)
            replies = self.client.pipeline([self._add_command(sha, block) for block in blocks])
            if not any(isinstance(r, QueueError) and r.code == "NOSCRIPT" for r in replies):
                break
        return [
            reply if isinstance(reply, QueueError) else added(reply, block)
            for reply, block in zip(replies, blocks, strict=True)
        ]

    def _add_command(self, sha: str, b: NewBlock) -> tuple[str | bytes | int, ...]:
        memory = f"{self.stream}:key:{b.key}"
        codec, data = _core.pack_block(b.data)
        return (
            "EVALSHA", sha, 4, self.stream, self.ids, self.acked, memory,
            data, b.format, b.tenant, b.count, b.trace, b.key, b.digest, b.received_us,
            b.options, b.answer, self.max_lag, self.max_entries, _REMEMBER_SECONDS, codec,
        )  # fmt: skip

    def add_stored(self, b: NewBlock, first_id: int) -> None:
        """Add a block that is in the store already, for the other groups."""
        codec, data = _core.pack_block(b.data)
        self.client.command(
            "XADD", self.stream, "*", "data", data, "format", b.format, "tenant", b.tenant,
            "first_id", first_id, "count", b.count, "stored", 1, "key", b.key,
            "received", b.received_us, "codec", codec,
        )  # fmt: skip

    # --- consuming -----------------------------------------------------------------------

    def create_group(self, group: str) -> bool:
        """Make a group that starts at the first entry; False when it is there."""
        made = self.client.eval(
            _script("create_group"), [self.stream, self.ids, self.acked], [group]
        )
        return bool(made)

    def read(self, group: str, consumer: str, count: int, block: float) -> StreamRead:
        """New entries, at most ``count``; waits up to ``block`` seconds for the first.

        A group that was deleted is made again, from the first entry that is left.
        """
        try:
            return self.client.read_group(self.stream, group, consumer, count, block)
        except QueueError as error:
            if error.code not in ("NOGROUP", "UNBLOCKED"):
                raise
        self.create_group(group)
        return self.client.read_group(self.stream, group, consumer, count, 0.0)

    def skim(self, group: str, consumer: str, count: int) -> list[str]:
        """Ids of new entries, without what is in them; they are then owed like others."""
        for retried in (False, True):
            try:
                ids = self.client.eval(_script("skim"), [self.stream], [group, consumer, count])
                return [i.decode() for i in ids]
            except QueueError as error:
                if error.code != "NOGROUP" or retried:
                    raise
            self.create_group(group)
        return []

    def claim_ids(self, group: str, consumer: str, min_idle: float) -> list[str]:
        """Take over up to a thousand silent entries, ids only."""
        reply = self.client.command(
            "XAUTOCLAIM", self.stream, group, consumer, int(min_idle * 1000), "0-0",
            "COUNT", 1000, "JUSTID",
        )  # fmt: skip
        return [i.decode() for i in reply[1]]

    def acknowledge_ids(self, group: str, entry_ids: Sequence[str]) -> None:
        """Done with these; their records are not counted."""
        if entry_ids:
            self.client.command("XACK", self.stream, group, *entry_ids)

    def claim(
        self, group: str, consumer: str, min_idle: float, cursor: str, count: int
    ) -> StreamRead:
        """Take over entries whose consumer has been silent for ``min_idle`` seconds."""
        return self.client.claim_idle(self.stream, group, consumer, min_idle, cursor, count)

    def keep(self, group: str, consumer: str, entry_ids: Sequence[str]) -> None:
        """Say that these are still being worked on (does not count as a delivery)."""
        if entry_ids:
            self.client.command("XCLAIM", self.stream, group, consumer, 0, *entry_ids, "JUSTID")

    def deliveries(self, group: str, entry_ids: Sequence[str]) -> dict[str, int]:
        """How often each pending entry was delivered."""
        replies = self.client.pipeline(
            [("XPENDING", self.stream, group, i, i, 1) for i in entry_ids]
        )
        out = {}
        for entry_id, reply in zip(entry_ids, replies, strict=True):
            if isinstance(reply, list) and reply:
                out[entry_id] = int(reply[0][3])
        return out

    def acknowledge(self, group: str, items: Sequence[StreamItem]) -> int:
        """Done with these; returns how many entries were still owed."""
        arguments: list[str | int] = [group]
        for item in items:
            if item.block:
                # Directly stored records never counted as waiting.
                arguments += [item.entry_ids[0], 0 if item.stored else item.count]
            else:
                for entry_id in item.entry_ids:
                    arguments += [entry_id, 0]
        if len(arguments) == 1:
            return 0
        return int(self.client.eval(_script("acknowledge"), [self.stream, self.acked], arguments))

    def trim(self) -> int:
        """Remove what every group has acknowledged; returns how many entries."""
        return int(self.client.eval(_script("trim"), [self.stream], []))

    # --- dead letters --------------------------------------------------------------------

    def bury(self, group: str, entry_id: str, records: int, reason: str, deliveries: int) -> None:
        """Move an entry to the dead letters and acknowledge it."""
        self.client.eval(
            _script("dead_letter"),
            [self.stream, self.dead, self.acked],
            [group, entry_id, records, reason[:2000], deliveries],
        )

    def bury_records(
        self, group: str, item: StreamItem, block: NewBlock, first_id: int, reason: str
    ) -> None:
        """Put single records of an entry among the dead letters; the entry itself goes on."""
        self.client.command(
            "XADD", self.dead, "*", "reason", reason[:2000], "group", group,
            "entry", item.entry_ids[0], "deliveries", 1, "data", block.data,
            "format", block.format, "tenant", block.tenant, "first_id", first_id,
            "count", block.count, "trace", block.trace, "key", block.key,
            "received", block.received_us, "options", block.options,
        )  # fmt: skip

    def dead_letters(self, limit: int = 100, after: str = "-") -> list[DeadLetter]:
        """The oldest dead letters; ``after``: exclusive id to go on from."""
        start = after if after == "-" else f"({after}"
        replies = self.client.command("XRANGE", self.dead, start, "+", "COUNT", limit)
        return [dead_letter(entry_id, flat) for entry_id, flat in replies]

    def revive(self, dead_id: str) -> bool:
        """Put a dead letter back into the queue; its ids and its key stay."""
        return bool(self.client.eval(_script("revive"), [self.dead, self.stream], [dead_id]))

    def drop(self, dead_id: str) -> bool:
        """Forget a dead letter for ever."""
        return bool(self.client.command("XDEL", self.dead, dead_id))

    # --- state ---------------------------------------------------------------------------

    def status(self) -> dict[str, object]:
        """Entries, bytes, dead letters, and for each group what it has not acknowledged."""
        length, dead, last, acked, memory = self.client.pipeline(
            [
                ("XLEN", self.stream),
                ("XLEN", self.dead),
                ("GET", self.ids),
                ("HGETALL", self.acked),
                ("MEMORY", "USAGE", self.stream, "SAMPLES", 16),
            ]
        )
        done = {k.decode(): int(v) for k, v in zip(acked[::2], acked[1::2], strict=True)}
        groups: dict[str, object] = {}
        for raw in self._groups():
            name = str(raw["name"])
            records = max(0, int(last or 0) - done.get(name, done.get("_base", 0)))
            entries = self._undelivered(raw) + int(str(raw["pending"]))
            groups[name] = {
                "consumers": raw["consumers"],
                "pending_entries": raw["pending"],
                "waiting_entries": entries,
                "waiting_records": records,
            }
        return {
            "entries": length,
            "bytes": memory or 0,
            "dead_letters": dead,
            "groups": groups,
        }

    def _undelivered(self, group: dict[str, object]) -> int:
        """Entries not yet given to the group: Redis' own figure, or a count of 16 at most.

        Redis has no figure once entries between were trimmed or the server was restarted.
        """
        if group.get("lag") is not None:
            return int(str(group["lag"]))
        since = str(group["last-delivered-id"])
        return int(self.client.eval(_script("count_after"), [self.stream], [since, 16]))

    def groups(self) -> list[str]:
        """Names of the groups there are."""
        return [str(group["name"]) for group in self._groups()]

    def delivered(self) -> list[str]:
        """The id of the last entry that each group was given."""
        return [str(group["last-delivered-id"]) for group in self._groups()]

    def _groups(self) -> list[dict[str, object]]:
        try:
            replies = self.client.command("XINFO", "GROUPS", self.stream)
        except QueueError as error:
            if error.code == "ERR":  # no such key
                return []
            raise
        out = []
        for flat in replies:
            pairs = zip(flat[::2], flat[1::2], strict=True)
            out.append({k.decode(): v.decode() if isinstance(v, bytes) else v for k, v in pairs})
        return out

    def lag(self, group: str) -> int:
        """Records that ``group`` has not acknowledged."""
        last, done, base = self.client.pipeline(
            [("GET", self.ids), ("HGET", self.acked, group), ("HGET", self.acked, "_base")]
        )
        return max(0, int(last or 0) - int(done or base or last or 0))

    def check(self) -> list[str]:
        """Warnings about how this Redis keeps what it acknowledges.

        Raises:
            ConfigError: it would throw entries away, or is too old.
        """
        version = _info(self.client.command("INFO", "server")).get("redis_version", "0")
        if int(version.split(".")[0]) < 7:
            raise ConfigError(f"Redis {version} is too old: version 7.0 or newer is needed")
        try:
            settings = {
                name: self.client.command("CONFIG", "GET", name)[1].decode()
                for name in ("appendonly", "appendfsync", "maxmemory-policy", "maxmemory")
            }
        except QueueError as error:
            if error.retryable:
                raise
            return [f"durability of Redis cannot be checked ({error})"]
        policy = settings["maxmemory-policy"]
        if policy != "noeviction" and settings["maxmemory"] != "0":
            raise ConfigError(
                f"Redis has maxmemory-policy {policy}: when memory is full it would delete logs "
                "that were acknowledged. Set maxmemory-policy noeviction"
            )
        warnings = []
        if settings["appendonly"] != "yes":
            warnings.append(
                "Redis has appendonly no: a crash of Redis loses everything it holds; "
                "set appendonly yes and appendfsync always"
            )
        elif settings["appendfsync"] == "everysec":
            warnings.append(
                "Redis has appendfsync everysec: a power cut may lose the last second of "
                "acknowledged logs; set appendfsync always to lose none"
            )
        elif settings["appendfsync"] == "no":
            warnings.append(
                "Redis has appendfsync no: a power cut may lose about 30 seconds of acknowledged "
                "logs; set appendfsync always to lose none"
            )
        return warnings

    def listeners(self, topic: str) -> int:
        """How many connections wait for what is published under ``topic``."""
        return int(self.client.command("PUBSUB", "NUMSUB", topic)[1])

    def publish(self, topic: str, payload: bytes) -> int:
        """Tell live listeners; nobody listening is fine."""
        return int(self.client.command("PUBLISH", topic, payload))

    def close(self) -> None:
        """Release the connections; idempotent."""
        self.client.close()


def _info(raw: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in raw.decode().splitlines() if ":" in line)
    return {key: value for key, _, value in lines}
