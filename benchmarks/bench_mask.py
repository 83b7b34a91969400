"""Masking of e-mails, IPv4 addresses, cards and tokens in messages, against regular expressions.

The corpus (generated, seeded): application messages of about 110 bytes, of which 6 % hold one of
the four. The peers search the same four things with one alternation: RE2 (google-re2, per message
and over the whole text), Polars' replace_all, Python's re. Cards are generated with a right check
digit, since the patterns cannot check it. Results are asserted equal.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable

import polars as pl
import pyarrow as pa
import re2

from logforest import _core
from logforest.batch import LogBatch
from logforest.masking import MaskRules, mask_pii

MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 24
RULES = MaskRules(ip="mask", iban=False, password=False)
PARTS = {
    "EMAIL": r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
    "CARD": r"\b(?:4[0-9]{15}|5[1-5][0-9]{14}|4[0-9]{3}(?: [0-9]{4}){3})\b",
    "TOKEN": r"\b(?:AKIA[A-Z0-9]{16}|ghp_[A-Za-z0-9]{36})\b",
    "IP": r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b",
}
PATTERN = "|".join(f"(?P<{name}>{part})" for name, part in PARTS.items())


def card(rng: random.Random) -> str:
    digits = [4, *(rng.randrange(10) for _ in range(14))]
    odd = sum(2 * d - 9 if d > 4 else 2 * d for d in digits[::2])
    digits.append(-(odd + sum(digits[1::2])) % 10)
    text = "".join(map(str, digits))
    return text if rng.random() < 0.5 else " ".join(text[i : i + 4] for i in range(0, 16, 4))


def messages(size: int) -> list[str]:
    rng = random.Random(5)
    text_words = (
        "request completed cache miss for key session worker queue retry upstream timeout after "
        "connection closed by peer user profile updated order shipped payment accepted index built"
    )
    words = text_words.split()
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    out: list[str] = []
    total = 0
    while total < size:
        n = rng.randrange(8, 20)
        text = [rng.choice(words) for _ in range(n)]
        text[n // 2] = f"id={rng.getrandbits(32):08x}"
        text[n // 3] = f"{rng.randrange(10_000) / 10}ms"
        pick = rng.random()
        if pick < 0.02:
            text.append(f"{rng.choice(words)}.{rng.choice(words)}@mail.example.com")
        elif pick < 0.05:
            text.append(".".join(str(rng.randrange(1, 255)) for _ in range(4)))
        elif pick < 0.055:
            text.append(card(rng))
        elif pick < 0.06:
            text.append("ghp_" + "".join(rng.choice(letters) for _ in range(35)) + "1")
        line = " ".join(text)
        out.append(line)
        total += len(line)
    return out


def main() -> None:
    lines = messages(MEGABYTES * 1_000_000)
    size = sum(map(len, lines)) / 1e6
    expression = re.compile(PATTERN)
    engine = re2.compile(PATTERN)
    series = pl.Series(lines)
    table = pa.table(
        {
            "timestamp": pa.array([0] * len(lines), pa.timestamp("us", "UTC")),
            "level": pa.DictionaryArray.from_arrays(
                pa.array([1] * len(lines), pa.uint8()), ["DEBUG", "INFO"]
            ),
            "message": pa.array(lines),
        }
    )
    batch = LogBatch.from_arrow(table)
    masker = RULES.masker()
    whole = "\n".join(lines).encode()

    def polars() -> list[str]:
        out = series
        for name, part in PARTS.items():  # one replacement text a call
            out = out.str.replace_all(part, f"<{name}>")
        return out.to_list()

    def group(match: re.Match[str]) -> str:
        return f"<{match.lastgroup}>"

    jobs: dict[str, Callable[[], object]] = {
        "logforest, batch, 1 thread": lambda: masker.mask_batch(batch._core, 1),
        "logforest, one text": lambda: mask_pii(whole, RULES),
        "logforest, list of str": lambda: mask_pii(lines, RULES),
        "RE2, one alternation": lambda: engine.sub(group, whole.decode()),
        "Polars, four replace_all": polars,
    }
    sample = max(1, len(lines) // 8)
    slow: dict[str, Callable[[], object]] = {
        "RE2, message by message": lambda: [engine.sub(group, s) for s in lines[:sample]],
        "Python re": lambda: [expression.sub(group, s) for s in lines[:sample]],
    }
    expected = [expression.sub(group, s) for s in lines]
    assert mask_pii(lines, RULES) == expected
    assert mask_pii(whole, RULES).decode().split("\n") == expected
    assert mask_pii(batch, RULES)["message"].to_pylist() == expected
    assert engine.sub(group, whole.decode()).split("\n") == expected
    assert polars() == expected
    changed = sum(a != b for a, b in zip(lines, expected, strict=True))

    best: dict[str, float] = {}
    for _ in range(3):  # interleaved
        for name, job in (jobs | slow).items():
            begin = time.perf_counter()
            job()
            taken = (time.perf_counter() - begin) * (8 if name in slow else 1)
            best[name] = min(best.get(name, taken), taken)
    print(f"{size:.0f} MB, {len(lines)} messages, {changed / len(lines):.1%} masked (best of 3)")
    print(f"{'':28}{'MB/s':>8}{'logforest, one text is':>26}")
    for name, taken in best.items():
        ratio = taken / best["logforest, one text"]
        print(f"{name:28}{size / taken:>8.0f}{ratio:>24.1f} x")
    fingerprint = _core.fingerprint
    begin = time.perf_counter()
    for line in lines[:sample]:
        fingerprint(line)
    each = (time.perf_counter() - begin) / sample
    print(f"fingerprint of one message through Python: {each * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
