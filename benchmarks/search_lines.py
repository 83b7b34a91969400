"""Lines for the search benchmark: eight services, twenty templates, most words in variable parts.

Identifiers (UUID, hex, order numbers) are unique, names and free text come from a skewed
vocabulary of 20,000 made-up words, some with letters outside of ASCII. A batch depends on nothing
but its number, and hosts deliver late: stamps inside a batch are out of order by up to a minute.
"""

from __future__ import annotations

import json
import random

__all__ = ["NEEDLES", "make_batch"]

SERVICES = ("checkout", "payments", "search", "inventory", "gateway", "mailer", "auth", "billing")
# Word -> (every how many batches, how often then): it stands in the message of random rows.
NEEDLES = {"quixotheca": (200, 3), "zymurgical-7f": (67, 1)}
START_MS = 1_793_000_000_000
_SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ren",
    "tus",
    "vor",
    "dex",
    "pal",
    "nim",
    "sor",
    "qua",
    "bel",
    "tri",
    "zan",
    "hol",
    "gir",
    "fen",
    "mau",
    "piv",
    "cre",
    "øst",
    "é",
]
_TEMPLATES = (
    "order {num9} of customer {num6} accepted after {ms} ms with {n} items from warehouse {n}",
    "payment {uuid} refused by provider: code {code}, attempt {n}, next try in {ms} ms",
    "query {word} {word} for session {hex16} gave {n} hits in {ms} ms, cache key {hex8} was missed",
    "connection to 10.{oct}.{oct}.{oct}:{port} closed by peer after {ms} ms, {num6} bytes unsent",
    "GET /api/v2/{word}/{num6}?page={n}&sort={word} 200 {ms}ms",
    "user {name} signed in from 10.{oct}.{oct}.{oct} with session {hex16}",
    "user {name} failed to sign in: bad password, {n} tries left",
    "job {word}-{num6} finished: {n} of {n} shards done, took {ms} ms",
    "job {word}-{num6} failed with exit code {code}: {word} {word} {word}",
    "cache {word} evicted {num6} entries, hit rate 0.{num6}",
    "slow statement ({ms} ms): SELECT {word}, {word} FROM {word} WHERE id = {num9}",
    "message {uuid} to topic {word}.{word} delivered in {ms} ms",
    "disk /dev/nvme{n}n1 at {n}% used, {num9} bytes free",
    "mail {hex16} to {name} queued behind {n} others",
    "retry {n} of request {uuid}: upstream {word} answered 503",
    "invoice {num9} rendered for {name}: {n} pages, {word} template",
    "feature flag {word} is on for {n} % of {word}",
    "token {hex8} of {name} expires in {ms} ms",
    "lock {word}/{word} waited for {ms} ms behind transaction {num9}",
    "config {word}.{word} changed from {num6} to {num6} by {name}",
)


def _vocabulary() -> list[str]:
    rng = random.Random(11)
    words = ("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 5))) for _ in range(60_000))
    return list(dict.fromkeys(words))[:20_000]


_WORDS = _vocabulary()
_LEVELS = ("info",) * 80 + ("debug",) * 10 + ("warn",) * 8 + ("error",) * 2


def make_batch(number: int, rows: int) -> list[bytes]:
    """NDJSON lines of batch ``number``, about 450 bytes each."""
    rng = random.Random(number)
    bits, below = rng.getrandbits, rng.random
    zipf = [_WORDS[int(20_000 * below() ** 3)] for _ in range(rows * 2)]
    names = [f"{a}.{b}" for a, b in zip(zipf[: rows // 2], zipf[rows // 2 : rows], strict=False)]
    lines: list[bytes] = []
    at = 0
    for i in range(rows):
        text = _TEMPLATES[int(20 * below())]
        while (begin := text.find("{")) >= 0:
            end = text.index("}", begin)
            kind = text[begin + 1 : end]
            if kind == "word":
                at += 1
                value = zipf[(at + i) % len(zipf)]
            elif kind == "name":
                value = names[int(below() * len(names))]
            elif kind == "uuid":
                h = f"{bits(128):032x}"
                value = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
            elif kind == "hex16":
                value = f"{bits(64):016x}"
            elif kind == "hex8":
                value = f"{bits(32):08x}"
            else:
                most = {"num9": 10**9, "num6": 10**6, "ms": 5000, "oct": 255, "port": 60000,
                        "code": 600}.get(kind, 100)  # fmt: skip
                value = str(int(below() * most))
            text = text[:begin] + value + text[end + 1 :]
        record = {
            "timestamp": START_MS + (number * rows + i) * 3 - int(60_000 * below() ** 4),
            "level": _LEVELS[int(100 * below())],
            "service": SERVICES[int(8 * below() ** 1.5)],
            "host": f"node-{int(40 * below()):02}",
            "message": text,
            "endpoint": f"/api/v2/{SERVICES[int(8 * below())]}/{int(1000 * below())}",
            "method": "GET" if below() < 0.7 else "POST",
            "status_code": (200, 200, 200, 201, 404, 500)[int(6 * below())],
            "response_time": round(1 / (below() + 0.001), 2),
            "user_id": f"u{bits(20)}",
            "trace_id": f"{bits(128):032x}",
            "region": "eu-central-1",
            "pod": f"app-{bits(36):09x}",
            "build": {"version": "2026.11.3", "commit": f"{bits(28):07x}", "canary": False},
        }
        for word, (every, times) in NEEDLES.items():
            if number % every == every // 2 and i % (rows // times) == 77:
                record["message"] = f"{text} {word}"
        lines.append(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
    return lines
