"""Text search of the embedded store: what it tests by is what it says it finds."""

from __future__ import annotations

import json
import random

import duckdb
import pyarrow as pa

import logforest as lf
from logforest.stores.duckdb import DuckDBStore

PIECES = (
    "Order", "100%", "%", "_", "a_b", "!", "!%", "back\\slash", "\\%", "it's", "GRÖSSE", "ÉCLAIR",
    "привет", "İstanbul", "ıssız", "ΟΔΟΣ", "\u212aelvin", "ẞ", "日本", "$1", "\t", "[a-z]*", ".",
)  # fmt: skip


def test_finds_what_contains_and_lower_find() -> None:
    rng = random.Random(6)
    messages = ["".join(rng.choices((*PIECES, " "), k=rng.randint(0, 6))) for _ in range(3000)]
    body = b"\n".join(json.dumps({"message": m}).encode() for m in messages)
    with DuckDBStore(":memory:") as store:
        store.append(lf.parse(body, format="json"))
        for piece in (*PIECES, "a%b", "__", "%%", "!!", "r!", "\\", "nowhere"):
            for term in (piece, piece.lower(), piece.upper()):
                if not term.strip():
                    continue
                sql = "SELECT id FROM logs WHERE contains(lower(message), $1) ORDER BY id"
                want = store.sql(sql, [term.lower()])["id"].to_pylist()
                found = store.logs(q=f'"{term}"' if "\\" not in term else term, ascending=True)
                assert sorted(found["id"].to_pylist()) == want, term


def test_ilike_folds_every_character_as_lower_does() -> None:
    characters = [
        chr(i) for i in range(1, 0x110000) if not 0xD800 <= i < 0xE000 and chr(i) not in "%_"
    ]
    table = pa.table({"c": characters, "low": [c.lower() for c in characters]})
    with duckdb.connect() as connection:
        connection.register("characters", table)
        differ = connection.execute(
            "SELECT count(*) FROM characters WHERE ('AB' || c || 'cd' ILIKE '%b' || low || 'c%') "
            "<> contains(lower('AB' || c || 'cd'), 'b' || low || 'c')"
        ).fetchall()
    assert differ == [(0,)]
