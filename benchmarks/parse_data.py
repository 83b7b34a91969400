"""Files for the parsing benchmarks: seeded, so that every run reads the same bytes."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SERVICES = ("checkout", "search", "auth", "billing", "catalogue", "gateway")
_LEVELS = ("info",) * 12 + ("debug",) * 4 + ("warn",) * 3 + ("error",)
_WORDS = (
    "request", "completed", "in", "cache", "miss", "for", "user", "order", "placed", "retry",
    "timeout", "connecting", "to", "database", "payment", "accepted", "session", "expired",
)  # fmt: skip
_START = datetime(2026, 3, 1, tzinfo=UTC)


def _templates(rng: random.Random) -> list[str]:
    """Programs write the same sentences over and over; only their numbers and names differ."""
    out = []
    for i in range(150):
        text = " ".join(rng.choices(_WORDS, k=rng.randint(2, 6)))
        form = ("{text} {number}", '{text} "quoted" id={number}', "{text} für Müller {number} ms")
        out.append(form[0 if i % 10 else 1 + i // 10 % 2].replace("{text}", text))
    return out


def records(count: int, seed: int = 7) -> list[dict[str, object]]:
    """Application logs of about 235 bytes as JSON: ten fields, one of them nested."""
    rng = random.Random(seed)
    templates = _templates(rng)
    moment = _START
    out: list[dict[str, object]] = []
    for _ in range(count):
        moment += timedelta(microseconds=rng.randrange(20_000))
        out.append(
            {
                "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": rng.choice(_LEVELS),
                "service": rng.choice(_SERVICES),
                "message": rng.choice(templates).format(number=rng.randrange(10**6)),
                "path": f"/api/v1/{rng.choice(_SERVICES)}/{rng.randrange(1000)}",
                "status": rng.choice((200, 200, 200, 200, 201, 404, 500)),
                "duration_ms": round(rng.expovariate(1 / 40), 2),
                "user_id": f"u{rng.randrange(5000)}",
                "metadata": {"region": rng.choice(("eu", "us")), "build": rng.randrange(900)},
            }
        )
    return out


def repeat(block: bytes, path: Path, size: int) -> None:
    """Write ``block`` over and over until the file has at least ``size`` bytes."""
    with path.open("wb") as out:
        for _ in range(-(-size // len(block))):
            out.write(block)


def ndjson(path: Path, size: int) -> None:
    """About ``size`` bytes of NDJSON."""
    rows = records(100_000)
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    repeat(("\n".join(lines) + "\n").encode(), path, size)


def _logfmt_value(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(' "=') else text


def logfmt(path: Path, size: int) -> None:
    """About ``size`` bytes of logfmt, 175 bytes a line: eight of the ten fields."""
    lines = []
    for row in records(100_000):
        del row["metadata"]
        lines.append(" ".join(f"{key}={_logfmt_value(value)}" for key, value in row.items()))
    repeat(("\n".join(lines) + "\n").encode(), path, size)
