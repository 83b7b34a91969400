"""Templates in every store: fingerprints are grouped behind the commits, and searched by group."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import logforest as lf
from logforest.stores.base import LogQuery, Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("amber", "birch", "cedar", "daisy", "ebony", "fern", "grove", "hazel", "ivy", "juniper")


def batch(messages: list[str], at: int = 0) -> lf.LogBatch:
    lines = [
        json.dumps(
            {
                "timestamp": (START + timedelta(seconds=at + i)).isoformat(),
                "level": ("ERROR" if i else "WARN") if "refused" in message else "INFO",
                "service": f"svc-{i % 2}",
                "message": message,
            }
        )
        for i, message in enumerate(messages)
    ]
    return lf.parse("\n".join(lines).encode(), format="json")


def logins(names: tuple[str, ...] = NAMES) -> list[str]:
    return [f"session of user {name} refused from gate {i}" for i, name in enumerate(names)]


def fingerprints(store: Store) -> list[int]:
    return store.logs(ascending=True)["template_id"].to_pylist()


def test_fingerprints_of_one_template_are_one_row(store: Store) -> None:
    store.append(batch([*logins(), "disk check passed"]))
    own = fingerprints(store)
    assert len(set(own)) == len(NAMES) + 1  # plain words: the stateless fingerprints differ
    first, second = store.templates().to_pylist()
    assert first["template_id"] == min(own[: len(NAMES)])
    assert first["template"] == "session of user <*> refused from gate <*>"
    assert (first["count"], first["error_count"], first["fingerprints"]) == (10, 9, 10)
    assert (first["services"], first["level"]) == (2, "ERROR")
    assert (first["first_seen"], first["last_seen"]) == (START, START + timedelta(seconds=9))
    assert first["example"] in logins()
    assert (second["template"], second["count"]) == ("disk check passed", 1)
    assert second["template_id"] == own[-1]


def test_search_takes_the_id_of_the_template_or_of_any_fingerprint(store: Store) -> None:
    store.append(batch([*logins(), "disk check passed"]))
    own = fingerprints(store)
    for wanted in own[: len(NAMES)]:
        got = store.logs(template=wanted)
        assert sorted(got["message"].to_pylist()) == logins()
        assert store.count(LogQuery(template=wanted)) == len(NAMES)
    assert store.logs(template=own[-1])["message"].to_pylist() == ["disk check passed"]
    assert store.logs(template=12345).num_rows == 0
    page = store.page(LogQuery(template=own[0], limit=4))
    assert page.next_cursor is not None
    rest = store.page(LogQuery(template=own[0], limit=10, cursor=page.next_cursor))
    assert rest.logs.num_rows == len(NAMES) - 4


def test_what_arrives_later_joins_and_old_ids_still_find_it(store: Store) -> None:
    store.append(batch(logins(NAMES[:2])))
    old = [row["template_id"] for row in store.templates().to_pylist()]
    assert len(old) == 2  # two words prove nothing yet
    store.append(batch(logins(NAMES[2:]), at=100))
    assert [row["count"] for row in store.templates().to_pylist()] == [10]
    for was in old:
        assert store.count(LogQuery(template=was)) == 10
    assert len(set(fingerprints(store))) == 10  # no record was touched


def test_the_table_counts_every_record_once(store: Store) -> None:
    want: Counter[int] = Counter()
    for at in range(3):
        store.append(batch(logins() * (at + 1), at=60 * at))
        store.update_templates()
    assert not store.update_templates()
    want.update(fingerprints(store))
    rows = store.sql("SELECT * FROM templates").to_pylist()
    assert {row["template_id"]: row["count"] for row in rows} == dict(want)
    assert min(row["first_seen"] for row in rows) == START
    assert max(row["last_seen"] for row in rows) == START + timedelta(seconds=120 + 29)
    assert {row["template"] for row in rows} == {"session of user <*> refused from gate <*>"}
    assert {row["group_id"] for row in rows} == {min(want)}


def test_spans_and_tenants(store: Store) -> None:
    store.append(batch(logins()))
    store.append(batch(["disk check passed"] * 3, at=100))
    late = store.templates(since=START + timedelta(seconds=100)).to_pylist()
    assert [(row["template"], row["count"]) for row in late] == [("disk check passed", 3)]
    early = store.templates(until=START + timedelta(seconds=5)).to_pylist()
    assert [row["count"] for row in early] == [5]
    assert store.templates(tenant="nobody").num_rows == 0
    assert store.templates(tenant="default", limit=1)["count"].to_pylist() == [10]


@pytest.mark.parametrize(
    "message", ["", "<*>", "\u2603 caf\u00e9 " + "x" * 5000, "'; DROP TABLE x"]
)
def test_odd_messages(store: Store, message: str) -> None:
    store.append(batch([message, "disk check passed"]))
    rows = store.templates().to_pylist()
    assert sum(row["count"] for row in rows) == 2
    assert all(len(row["example"]) <= 2000 for row in rows)
    found = store.logs(template=fingerprints(store)[0])
    assert message in found["message"].to_pylist()


def test_grouping_survives_closing(tmp_path: Path) -> None:
    with lf.open(tmp_path / "logs.duckdb") as store:
        store.append(batch(logins()))
        before = store.templates().to_pylist()
    with lf.open(tmp_path / "logs.duckdb") as store:
        assert not store.update_templates()
        assert store.templates().to_pylist() == before
        store.append(batch(logins(("laurel",))))
        assert store.templates()["count"].to_pylist() == [11]


def test_a_file_without_the_table_gets_it(tmp_path: Path) -> None:
    import duckdb

    with lf.open(tmp_path / "logs.duckdb") as store:
        store.append(batch(logins()))
        before = store.templates().to_pylist()
    with duckdb.connect(str(tmp_path / "logs.duckdb")) as raw:
        raw.execute("DROP TABLE templates; DELETE FROM progress WHERE name = 'templates_id'")
    with lf.open(tmp_path / "logs.duckdb") as store:
        assert store.templates().to_pylist() == before
