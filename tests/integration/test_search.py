"""Text search of the Postgres store finds exactly what reading every record finds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import logforest as lf
from logforest import _core
from logforest.pipeline.group import prepare_batch
from logforest.stores import (
    postgres_commit,
    postgres_digests,
    postgres_latest,
    postgres_schema,
    postgres_search,
    postgres_segments,
)
from logforest.stores.base import Block, LogQuery, partials
from logforest.stores.postgres import PostgresStore
from logforest.testing.servers import PrivatePostgres

START = datetime(2026, 10, 3, 12, tzinfo=UTC)
PIECES = (
    "Order", "payment", "timed OUT", "Größe", "ÉCLAIR", "naïve", "日本語", "привет", "ПРИВЕТ",
    "100%", "a_b", "back\\slash", "it's", "'quoted'", "x=1;y=2", "10.3.7.25", "0xDEADbeef",
    "İstanbul", "ISPARTA", "ıssız", "ΟΔΟΣ", "\u212aelvin", "ẞ", "{json: [1]}", "\t", "$1",
)  # fmt: skip


def line(rng: random.Random, i: int) -> bytes:
    words = rng.choices(PIECES, k=rng.randint(0, 4))
    words.insert(rng.randint(0, len(words)), f"{rng.getrandbits(32):08x}-{rng.randrange(10**6)}")
    # In no order of time: the newest of a segment may be older than another one's oldest.
    stamp = START + timedelta(seconds=i // 3 - int(900 * rng.random() ** 3))
    record = {
        "timestamp": stamp.isoformat(),
        "level": rng.choices(("info", "error", "critical"), (900, 99, 1))[0],
        "service": rng.choice(("api", "Größe", "web")),
        "host": f"node-{rng.randrange(5)}" if i % 1000 else "rare-node",
        "status": rng.choice((200, 200, 404, 503)),
        "message": " ".join(words),
    }
    return json.dumps(record, ensure_ascii=i % 2 == 0).encode()


def parsed(seed: int, rows: int) -> lf.LogBatch:
    rng = random.Random(seed)
    return lf.parse(b"\n".join(line(rng, i) for i in range(rows)), format="json")


@pytest.fixture(scope="module")
def small_steps() -> Iterator[None]:
    """Small segments, glances and rounds, so that a few thousand records need many of them."""
    patch = pytest.MonkeyPatch()
    for module in (postgres_commit, postgres_segments):
        patch.setattr(module, "SEGMENT_ROWS", 256)
        patch.setattr(module, "LEAST_ROWS", 200)
    patch.setattr(postgres_search, "_GLANCE_ROWS", 50)
    patch.setattr(postgres_search, "_FIRST_ROWS", 300)
    patch.setattr(postgres_search, "_FIRST_DIGESTS", 3)
    patch.setattr(postgres_digests, "_PART", 2)
    patch.setattr(postgres_search, "_FIRST_HITS", 4)
    patch.setattr(postgres_search, "_MOST_HITS", 11)
    patch.setattr(postgres_segments, "_STEP", 5)
    patch.setattr(postgres_segments, "_UNSETTLED", 4)
    patch.setattr(postgres_segments, "_MOST_RANGES", 6)
    patch.setattr(postgres_segments, "_NEAR_IDS", 10)
    patch.setattr(postgres_segments, "_COVER_ROWS", 700)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def store(postgres_server: PrivatePostgres, small_steps: None) -> Iterator[PostgresStore]:
    """Large commits, small ones, ones in two pieces, records from before there were segments."""
    with PostgresStore(postgres_server.create_database("search")) as store:
        store.append(parsed(1, 3000))
        postgres_server.psql("DELETE FROM log_segments", "search")  # as of an older release
        store.append(parsed(2, 5000))
        for n in range(40):
            store.append(parsed(100 + n, 7))
        two = [prepare_batch(parsed(3 + n, 150), reserve_ids=store.reserve_ids) for n in (0, 1)]
        store.append(parsed(9, 900))
        store.commit([replace_key(two[0]), replace_key(two[1])])
        yield store


def replace_key(block: Block) -> Block:
    return replace(block, key=f"late-{block.key}")


def brute(store: PostgresStore, term: str, more: str = "true") -> list[int]:
    """The ids of all records with the term, newest first, by reading every one."""
    table = store.sql(
        f"SELECT id FROM logs WHERE strpos(lower(message), $1) > 0 AND {more} "
        "ORDER BY timestamp DESC, id DESC",
        [term.lower()],
    )
    return table["id"].to_pylist()


def ids(logs: lf.LogBatch) -> list[int]:
    return pa.table(logs._core)["id"].to_pylist()


def terms(store: PostgresStore) -> list[str]:
    rng = random.Random(5)
    messages = store.sql("SELECT message FROM logs ORDER BY id")["message"].to_pylist()
    out = [p for p in PIECES if " " not in p and p.strip()]
    for _ in range(120):
        word = rng.choice([w for w in rng.choice(messages).split() if '"' not in w])
        at = rng.randrange(len(word))
        piece = word[at : at + rng.choice((1, 2, 3, 5, 8, 30))]
        out.append(rng.choice((str.upper, str.lower, str))(piece))
    return [*out, "nowhere-at-all", "zq", "~", "%", "_", "\\", "'", "%a", "0x", "\u0307"]


def test_pages_and_counts_are_those_of_reading_everything(store: PostgresStore) -> None:
    for covered in (False, True):
        if covered:
            assert store.cover() > 3000
            assert store.cover() == 0  # what is left is too little
        for term in terms(store):
            want = brute(store, term)
            query = LogQuery(q=term, limit=20)
            assert ids(store.page(query).logs) == want[:20], term
            total = store.total(query)
            assert total.value == len(want) if total.exact else total.value <= len(want), term
            assert ids(store.logs(q=term)) == want, term


def test_walking_by_cursor_offset_and_backwards(store: PostgresStore) -> None:
    for term in ("timed", "größe", "rare", "77", "привет", "b-", "4e"):
        want = brute(store, term)
        query, got = LogQuery(q=term, limit=64), []
        while True:
            page = store.page(query)
            got += ids(page.logs)
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
        assert got == want, term
        assert ids(store.logs(q=term, ascending=True, limit=30)) == want[::-1][:30]
        assert ids(store.logs(q=term, offset=11, limit=9)) == want[11:20]
        assert ids(store.logs(q=term, offset=len(want), limit=9)) == []
        assert ids(store.logs(q=term, limit=0)) == []


@pytest.mark.parametrize(
    ("filters", "sql"),
    [
        ({"level": ("CRITICAL",)}, "level = 'CRITICAL'"),
        ({"level": ("error", "CRITICAL")}, "level >= 'ERROR'"),
        ({"source": ("rare-node",)}, "source = 'rare-node'"),
        ({"source": ("nobody",)}, "false"),
        ({"service": ("Größe",)}, "service = 'Größe'"),
        ({"service": ("größe",)}, "false"),
        ({"service": ("api",), "level": ("critical",)}, "service = 'api' AND level = 'CRITICAL'"),
        (
            {"service": ("api", "web", "api"), "level": ("INFO", "error")},
            "service IN ('api', 'web') AND level IN ('INFO', 'ERROR')",
        ),
        (
            {"service": ("api", "nobody"), "since": START + timedelta(seconds=300)},
            f"service = 'api' AND timestamp >= '{START}'::timestamptz + interval '300 s'",
        ),
        ({"service": (*(f"s{n}" for n in range(9)), "web")}, "service = 'web'"),
        ({"status_min": 500}, "status_code >= 500"),
        ({"status_min": 300, "status_max": 450}, "status_code BETWEEN 300 AND 450"),
        ({"status_max": 99}, "status_code <= 99"),
        ({"template": 12345}, "template_id = 12345"),
        ({"tenant": "default"}, "tenant = 'default'"),
        ({"tenant": "other"}, "false"),
        ({"category": ("security",)}, "category = 'Security'"),
        (
            {"since": START + timedelta(seconds=99), "until": START + timedelta(seconds=500)},
            f"timestamp >= '{START}'::timestamptz + interval '99 s' "
            f"AND timestamp < '{START}'::timestamptz + interval '500 s'",
        ),
    ],
)
def test_other_filters_with_and_without_text(
    store: PostgresStore, filters: dict[str, object], sql: str
) -> None:
    for term in ("", "order", "beef", "10.3.7.25", "nowhere-at-all"):
        want = brute(store, term, sql)
        query = replace(LogQuery(q=term or None, limit=25), **filters)  # type: ignore[arg-type]
        assert ids(store.page(query).logs) == want[:25], term
        total = store.total(query)
        assert total.value == len(want) if total.exact else total.value <= len(want), term
        assert ids(store.logs(replace(query, limit=None))) == want, term


@pytest.mark.parametrize("levels", [(), ("ERROR",), ("error", "critical")])
@pytest.mark.parametrize("services", [("api",), ("web", "Größe")])
def test_walking_services_and_levels(
    store: PostgresStore, services: tuple[str, ...], levels: tuple[str, ...]
) -> None:
    listed = ", ".join(f"'{name}'" for name in services)
    some = ", ".join(f"'{name.upper()}'" for name in levels)
    want = brute(store, "", f"service IN ({listed})" + (f" AND level IN ({some})" if some else ""))
    query, got = LogQuery(service=services, level=levels, limit=170), []
    while True:
        page = store.page(query)
        got += ids(page.logs)
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    assert got == want != []
    first = LogQuery(service=services, level=levels, limit=9, offset=5)
    assert ids(store.page(first).logs) == want[5:14]
    assert ids(store.page(replace(first, ascending=True)).logs) == want[::-1][5:14]


@pytest.mark.parametrize("most", [40, 6, 3])  # pairs of service and level; fewer: by segments
def test_levels_of_all_services(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(postgres_latest, "_MOST_PAIRS", most)
    monkeypatch.setattr(store, "_search", by_segments := Recorder(store._search))
    for levels in (("critical",), ("ERROR", "CRITICAL"), ("info",)):
        some = ", ".join(f"'{name.upper()}'" for name in levels)
        want = brute(store, "", f"level IN ({some})")
        assert ids(store.page(LogQuery(level=levels, limit=9)).logs) == want[:9]
        got = store.page(LogQuery(level=levels, limit=9, ascending=True, offset=2)).logs
        assert ids(got) == want[::-1][2:11]
        middle = store.sql("SELECT max(timestamp) - interval '9 minutes' AS t FROM logs")["t"]
        since = LogQuery(level=levels, limit=50, since=middle[0].as_py())
        newer = brute(store, "", f"level IN ({some}) AND timestamp >= '{since.since}'")
        assert ids(store.page(since).logs) == newer[:50]
        got = store.page(replace(since, status_min=500)).logs  # by segments in any case
        failed = set(brute(store, "", "status_code >= 500"))
        assert ids(got) == [i for i in newer if i in failed][:50]
    assert by_segments.calls == {40: 3, 6: 3 + 3, 3: 3 + 9}[most]


class Recorder:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


def test_levels_of_records_without_a_service(dsn: str) -> None:
    body = b"\n".join(
        b'{"level":"%s","message":"m %d"%s}'
        % ((b"info", b"fatal")[i % 5 == 0], i, b',"service":"a"' if i % 2 else b"")
        for i in range(60)
    )
    with PostgresStore(dsn) as store:
        store.append(lf.parse(body, format="json"))
        want = brute(store, "", "level = 'CRITICAL'")
        assert len(want) == 12
        assert ids(store.page(LogQuery(level=("CRITICAL",), limit=20)).logs) == want
        assert store.sql("SELECT count(*) AS n FROM logs WHERE service IS NULL")["n"][0].as_py()


def test_several_words_must_all_occur(store: PostgresStore) -> None:
    want = [i for i in brute(store, "order") if i in set(brute(store, "timed out"))]
    assert ids(store.logs(q='order "timed out"')) == want
    assert want


def test_template_of_a_record_finds_it(store: PostgresStore) -> None:
    store.update_templates()
    one = store.sql("SELECT template_id FROM logs ORDER BY id LIMIT 1")["template_id"][0].as_py()
    group = (
        f"(template_id = {one} OR template_id IN (SELECT m.template_id FROM templates g "
        f"JOIN templates m USING (group_id) WHERE g.template_id = {one}))"
    )
    want = brute(store, "", group)
    assert ids(store.logs(template=one)) == want
    assert ids(store.logs(template=one, limit=10)) == want[:10]
    needle = store.log(want[-1])["message"][0].as_py()[:12]
    assert ids(store.logs(template=one, q=f'"{needle}"' if " " in needle else needle)) == brute(
        store, needle, group
    )


def test_a_record_is_found_while_no_segment_knows_it(store: PostgresStore) -> None:
    new = lf.parse(b'{"message":"Entirely-New needle"}', format="json")
    first, _ = store.append(new)
    assert ids(store.logs(q="entirely-new")) == [first]
    assert ids(store.logs(q="irely-NEW nee", limit=5)) == [first]
    assert not store.total(LogQuery(q="entirely-old")).value


def test_text_and_segment_are_committed_together_and_once(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        block = prepare_batch(parsed(1, 3000), reserve_ids=store.reserve_ids)
        assert store.commit([block])
        segments = store.sql("SELECT sum(rows)::bigint AS n FROM log_segments")
        assert not store.commit([block])  # a redelivery
        assert store.sql("SELECT sum(rows)::bigint AS n FROM log_segments") == segments
        assert segments["n"][0].as_py() == store.count(LogQuery()) == 3000


def test_segments_of_a_late_commit_do_not_hide_what_comes_between(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        blocks = [prepare_batch(parsed(n, 1500), reserve_ids=store.reserve_ids) for n in range(3)]
        outer = _core.concat([blocks[0].logs._core, blocks[2].logs._core])
        logs = lf.LogBatch._from_core(outer)
        store.commit([Block(key="outer", logs=logs, windows=partials(logs))])
        store.cover()
        assert store.total(LogQuery(q="order")).exact
        store.commit([blocks[1]])
        needle = blocks[1].logs["message"][700].as_py().split()[0].lower()
        assert ids(store.logs(q=needle)) == brute(store, needle) != []


def test_what_is_remembered_of_the_directory_is_never_too_much(dsn: str, small_steps: None) -> None:
    """Segments that go, come late or belong to another process' snapshot hide nothing."""
    with PostgresStore(dsn) as store, PostgresStore(dsn) as other:
        for n in range(6):
            store.append(parsed(n, 1500))
        needle = parsed(2, 1500)["message"][700].as_py().split()[0].lower()
        want = brute(store, needle)
        assert ids(store.logs(q=needle)) == ids(other.logs(q=needle)) == want != []
        assert store._read_claims._known is not None
        session = _core.PgClient(dsn).session()
        session.execute("DELETE FROM log_segments WHERE seq % 3 = 1 AND seq < 20")
        assert ids(store.logs(q=needle)) == ids(other.logs(q=needle)) == want
        assert other.cover() > 0
        assert ids(store.logs(q=needle)) == want
        session.execute("TRUNCATE log_segments")
        assert ids(store.logs(q=needle)) == want
        # A segment with a smaller number is committed after ones with larger numbers.
        late = prepare_batch(parsed(77, 400), reserve_ids=store.reserve_ids)
        session.execute("BEGIN")
        session.copy_logs("logs", late.logs._core)
        session.copy_segments(late.logs._core, 200)
        for n in range(6):
            other.append(parsed(50 + n, 1500))
        word = late.logs["message"][7].as_py().split()[0].lower()
        before = brute(store, word)
        assert ids(store.logs(q=word)) == before
        session.execute("COMMIT")
        session.close()
        assert ids(store.logs(q=word)) == brute(store, word) != before


def test_words_that_are_everywhere_but_never_together(dsn: str, small_steps: None) -> None:
    kinds = ("payment %d refused by provider", "order %d from warehouse %d", "retry of payment %d")
    body = b"\n".join(
        json.dumps({"message": (kinds[i % 3] % ((i,) * kinds[i % 3].count("%d")))
                    + (" then warehouse" if i == 777 else "")}).encode()
        for i in range(3000)
    )  # fmt: skip
    with PostgresStore(dsn) as store:
        first, _ = store.append(lf.parse(body, format="json"))
        for q, found in (
            ("provider warehouse", [first + 777]),
            ("warehouse provider payment", [first + 777]),
            ('"refused by warehouse"', []),
            ('"retry of order"', []),
            ("order provider", []),
            ('"payment 999 refused"', [first + 999]),
            ('"777 refused"', [first + 777]),
        ):
            assert ids(store.logs(q=q, limit=50)) == found, q
            assert ids(store.logs(q=q)) == ids(store.logs(q=q, ascending=True)) == found, q


def test_phrases_with_numbers_of_every_length(dsn: str, small_steps: None) -> None:
    """Pieces of messages, cut anywhere, whose numbers alone tell them apart."""
    rng = random.Random(8)

    def number() -> str:
        return rng.choice((f"{rng.randrange(10 ** rng.randint(1, 7))}", f"{rng.getrandbits(18):x}",
                           f"{rng.randrange(100):03}"))  # fmt: skip

    messages = [
        rng.choice((
            f"Attempt {number()}, next try in {number()} ms",
            f"exit code {number()} of job-{number()}: {number()}/{number()}",
            f"10.{number()}.{number()}.7:{number()} closed, added {number()}",
            f"\x01\x02 {number()}\x02{number()} {number()}",
        ))
        for _ in range(3000)
    ]  # fmt: skip
    body = b"\n".join(json.dumps({"message": m}).encode() for m in messages)
    with PostgresStore(dsn) as store:
        store.append(lf.parse(body, format="json"))
        assert store.sql("SELECT count(digest) AS n FROM log_segments")["n"][0].as_py() > 5
        for _ in range(150):
            text = rng.choice(messages)
            begin = rng.randrange(len(text) - 3)
            term = text[begin : begin + rng.choice((4, 9, 15, 25))].replace('"', "")
            want = brute(store, term)
            assert want, term
            quoted = f'"{term}"'
            assert ids(store.logs(q=quoted)) == want, term
            assert ids(store.logs(q=quoted, limit=3)) == want[:3], term
        both = [i for i in brute(store, "attempt 7") if i in set(brute(store, "in 12"))]
        assert ids(store.logs(q='"in 12" "attempt 7"')) == both


def test_words_that_few_records_have(
    dsn: str, small_steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of messages, cut anywhere in names that stand apart from the texts of a digest."""
    rng = random.Random(9)
    syllables = ("ka", "lo", "mi", "ren", "øst", "é", "x", "dex")

    def word() -> str:
        return "".join(rng.choices(syllables, k=rng.randint(1, 3)))

    messages = [
        rng.choice((
            f"User {word()}.{word()} failed to sign in, {rng.randrange(9)} tries left",
            f"job {word()}{rng.randrange(999)} done: {word()} {word()}",
            f"cache {word()} evicted\x03{word()}",
        ))
        for _ in range(3000)
    ]  # fmt: skip
    body = b"\n".join(json.dumps({"message": m}).encode() for m in messages)
    # Room for some digests only: others come and go.
    monkeypatch.setattr(postgres_digests.Digests.__init__, "__defaults__", (12_000,))
    with PostgresStore(dsn) as store:
        store.append(lf.parse(body, format="json"))
        for _ in range(150):
            text = rng.choice(messages)
            begin = rng.randrange(len(text) - 3)
            term = text[begin : begin + rng.choice((4, 9, 15, 25))].replace('"', "")
            want = brute(store, term)
            assert want, term
            quoted = f'"{term}"'
            assert ids(store.logs(q=quoted)) == want, term
            assert ids(store.logs(q=quoted, limit=3)) == want[:3], term
            assert ids(store.logs(q=quoted, limit=3, ascending=True)) == want[::-1][:3], term
        kept = store._digests._kept.values()
        assert 0 < sum(k.size for k in kept) == store._digests._bytes <= 12_000


def test_digests_in_memory_are_not_taken_for_those_of_other_records(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        store.append(parsed(1, 3000))
        assert ids(store.logs(q="payment order", limit=5)) == [
            i for i in brute(store, "payment") if i in set(brute(store, "order"))
        ][:5]  # fmt: skip
        assert store._digests._kept
        # As if the database had been set back to the state before, and gone on from there.
        session = _core.PgClient(dsn).session()
        session.execute("TRUNCATE logs, log_segments RESTART IDENTITY")
        session.close()
        body = b"\n".join(b'{"message":"other words %d"}' % i for i in range(3000))
        store.append(lf.parse(body, format="json"))
        assert ids(store.logs(q="other words", limit=5)) == brute(store, "other words")[:5]
        assert ids(store.logs(q="payment")) == []


@pytest.mark.parametrize("digest", ["NULL", "'\\x00'", "substring(digest FOR 60)"])
def test_without_a_digest_records_are_read(dsn: str, digest: str) -> None:
    with PostgresStore(dsn) as store:
        store.append(parsed(1, 3000))
        session = _core.PgClient(dsn).session()
        session.execute(f"UPDATE log_segments SET digest = {digest}")
        session.close()
        for term in ("order", "éclair", "nowhere-at-all"):
            assert ids(store.logs(q=term, limit=10)) == brute(store, term)[:10]


def test_retention_takes_the_segments_along(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        old = (datetime.now(UTC) - timedelta(days=100)).isoformat()
        body = b"\n".join(b'{"timestamp":"%s","message":"old %d"}' % (old.encode(), i)
                          for i in range(2000))  # fmt: skip
        store.append(lf.parse(body, format="json"))
        store.append(lf.parse(b'{"message":"young 1"}', format="json"))
        assert store.total(LogQuery(q="old")).value == 2000
        session = _core.PgClient(dsn).session()
        session.execute("INSERT INTO retention_rules (days) VALUES (30)")
        assert any(postgres_schema.retain(session).values())
        session.close()
        assert store.sql("SELECT count(*) AS n FROM log_segments")["n"][0].as_py() == 0
        assert store.total(LogQuery()).value == 1
        assert len(ids(store.logs(q="young"))) == 1
        assert ids(store.logs(q="old")) == []


def test_a_damaged_segment_costs_no_crash(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        store.append(parsed(1, 3000))
        session = _core.PgClient(dsn).session()
        session.execute("UPDATE log_segments SET filter = '', ids = substring(ids FOR 11)")
        session.close()
        assert ids(store.logs(q="order", limit=10)) == brute(store, "order")[:10]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "tr-TR", "lt", "en"])
def test_folding_agrees_with_lower_of_the_database(
    postgres_server: PrivatePostgres, locale: str
) -> None:
    """For every character there is: what lower() makes of it folds as the character does."""
    name = f"fold_{locale.replace('-', '_').replace('.', '_').lower()}"
    icu = locale not in ("C", "C.UTF-8")
    how = (
        f"LOCALE_PROVIDER icu ICU_LOCALE '{locale}' LOCALE 'C.UTF-8'" if icu
        else f"LOCALE '{locale}'"
    )  # fmt: skip
    postgres_server.psql(f"DROP DATABASE IF EXISTS {name}")
    postgres_server.psql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {how}")
    session = _core.PgClient(postgres_server.dsn(name)).session()
    table = pa.table(
        session.query(
            "SELECT chr(i) AS c, lower(chr(i)) AS low FROM generate_series(1, 1114111) AS i "
            "WHERE NOT i BETWEEN 55296 AND 57343 AND lower(chr(i)) <> chr(i)"
        )
    )
    session.close()
    assert table.num_rows >= 26
    for c, low in zip(table["c"].to_pylist(), table["low"].to_pylist(), strict=True):
        assert _core.search_probes(f"ab{c}cd", 99) == _core.search_probes(f"ab{low}cd", 99), (
            hex(ord(c)), low,
        )  # fmt: skip
