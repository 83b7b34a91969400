"""Traffic that is harder than the demo's: restless when all is well, incidents from weak to strong.

Volumes are overdispersed and wander, error shares come in clumps, mean latencies drift, rare
warnings flare up: none of it is labelled. Labelled are incidents of a factor between just
visible and overwhelming.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

START = 1_767_571_200_000_000
MINUTE = 60_000_000
KINDS = ("errors", "latency", "volume", "silence", "new", "logins")
SERVICES = ("api", "cart", "search", "mail", "auth", "stock")


@dataclass
class Label:
    service: str
    first: int  # minute
    last: int
    kind: str
    strength: float  # 0 to 1


def labels_of(rng: np.random.Generator, minutes: int) -> list[Label]:
    """Incidents of 3 to 8 minutes, one at a time, after the first two hours."""
    found, at = [], 120
    while at < minutes - 20:
        length = int(rng.integers(3, 9))
        found.append(
            Label(
                str(rng.choice(SERVICES)),
                at,
                at + length - 1,
                str(rng.choice(KINDS)),
                float(rng.random()),
            )
        )
        at += length + int(rng.integers(12, 30))
    return found


def wander(rng: np.random.Generator, minutes: int, size: float) -> np.ndarray:
    """A stationary AR(1) walk with this standard deviation."""
    steps = rng.normal(0, size * np.sqrt(1 - 0.9**2), minutes)
    walk = np.zeros(minutes)
    for i in range(1, minutes):
        walk[i] = 0.9 * walk[i - 1] + steps[i]
    return walk


def generate(seed: int, hours: float = 10) -> tuple[pa.Table, list[Label]]:
    """Records in order of time, and the incidents among them."""
    rng = np.random.default_rng(seed)
    minutes = int(hours * 60)
    labels = labels_of(rng, minutes)
    parts = []
    for number, service in enumerate(SERVICES):
        usual = float(rng.uniform(40, 160))
        clumps = float(rng.uniform(2, 12))
        rate = usual * np.exp(wander(rng, minutes, 0.15)) * rng.gamma(clumps, 1 / clumps, minutes)
        share = rng.beta(0.4, 40, minutes)  # of errors: mostly next to none, at times 5 %
        slow = np.exp(wander(rng, minutes, 0.08))
        odd = np.where(rng.random(minutes) < 0.01, rng.uniform(0.02, 0.12, minutes), 0.002)
        fresh, guesses = np.zeros(minutes), np.full(minutes, 0.3)
        for label in labels:
            if label.service != service:
                continue
            when, x = slice(label.first, label.last + 1), label.strength
            match label.kind:
                case "errors":
                    share[when] = np.maximum(share[when], 0.04 + 0.6 * x**2)
                case "latency":
                    slow[when] *= 1.4 * 5**x
                case "volume":
                    rate[when] *= 2 + 6 * x
                case "silence":
                    rate[when] *= 0.5 * (1 - x) if x < 0.7 else 0.0
                case "new":
                    fresh[when] = 0.01 + 0.2 * x**2
                case "logins":
                    guesses[when] = 5 * 30**x
        count = rng.poisson(rate)
        minute = np.repeat(np.arange(minutes), count)
        n = len(minute)
        stamp = START + minute * MINUTE + rng.integers(0, MINUTE, n)
        ms = rng.lognormal(np.log(10 * (number + 1)), 0.5, n) * slow[minute]
        kind = rng.integers(0, 4, n)
        texts = np.array(["page {} shown", "item {} stored", "query {} answered", "job {} done"])
        message = np.char.replace(texts[kind], "{}", rng.integers(1, 10**6, n).astype(str))
        level = np.full(n, "INFO", dtype=object)
        status = np.full(n, 200)
        warn = rng.random(n) < odd[minute]
        message = message.astype(object)
        message[warn], level[warn] = "cache is nearly full", "WARN"
        failed = rng.random(n) < share[minute]
        message[failed], level[failed], status[failed] = "upstream failed", "ERROR", 502
        for k, label in enumerate(labels):
            if label.service == service and label.kind == "new":
                inside = (minute >= label.first) & (minute <= label.last)
                new = inside & (rng.random(n) < fresh[minute])
                name = chr(97 + k % 26) + chr(97 + k // 26) + "x"
                message[new], level[new] = f"invariant {name} violated by {name}", "ERROR"
        parts.append(
            pa.table(
                {
                    "timestamp": pa.array(stamp, pa.timestamp("us", "UTC")),
                    "service": [service] * n,
                    "level": pa.array(level, pa.string()),
                    "message": pa.array(message, pa.string()),
                    "status_code": pa.array(status, pa.int16()),
                    "response_time": ms,
                    "user_id": pa.nulls(n, pa.string()),
                    "ip_address": pa.nulls(n, pa.string()),
                }
            )
        )
        tries = rng.poisson(guesses)
        minute = np.repeat(np.arange(minutes), tries)
        n = len(minute)
        parts.append(
            pa.table(
                {
                    "timestamp": pa.array(
                        START + minute * MINUTE + rng.integers(0, MINUTE, n),
                        pa.timestamp("us", "UTC"),
                    ),
                    "service": [service] * n,
                    "level": ["WARN"] * n,
                    "message": ["login refused"] * n,
                    "status_code": pa.array(np.full(n, 401), pa.int16()),
                    "response_time": rng.lognormal(2.5, 0.5, n),
                    "user_id": [f"u{u}" for u in rng.integers(0, 10_000, n)],
                    "ip_address": [f"203.0.113.{a}" for a in rng.integers(0, 20, n)],
                }
            )
        )
    return pa.concat_tables(parts).sort_by("timestamp"), labels
