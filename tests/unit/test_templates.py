"""TemplateMiner: quality on labelled logs, independence of order, hostile input, saving."""

from __future__ import annotations

import csv
import pickle
import random
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.log_shapes import KINDS, generate

from logforest.errors import ConfigError, ModelError
from logforest.templates import TemplateMiner, template_signals

SHARED = Path(__file__).parents[3] / "shared" / "data"
SYSTEMS = ("Apache", "BGL", "HDFS", "Linux", "OpenSSH", "Proxifier", "Spark", "Zookeeper")
FLAVOURS = {
    "loghub_2k": "{0}_2k.log_structured.csv",
    "loghub_2k_corrected": "{0}_2k.log_structured_corrected.csv",
    "loghub2_2k": "{0}_2k.log_structured_corrected.csv",
}


def labelled(flavour: str, system: str) -> tuple[list[str], list[str]]:
    path = SHARED / flavour / system / FLAVOURS[flavour].format(system)
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    return [r["Content"] for r in rows], [r["EventId"] for r in rows]


def grouping_accuracy(truth: list[str], found: list[int]) -> float:
    """A message counts when its group holds exactly the messages of its true template."""
    a, b, both = Counter(truth), Counter(found), Counter(zip(truth, found, strict=True))
    return sum(n for (t, f), n in both.items() if n == a[t] == b[f]) / len(truth)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_grouping_accuracy(flavour: str) -> None:
    accuracy = {}
    for system in SYSTEMS:
        messages, truth = labelled(flavour, system)
        accuracy[system] = grouping_accuracy(
            truth, TemplateMiner().fit_transform(messages).tolist()
        )
    print(flavour, accuracy)
    assert min(accuracy.values()) >= 0.85, accuracy
    assert sum(accuracy.values()) / len(accuracy) >= 0.95, accuracy


ONE_TEMPLATE = {
    "paths and their queries": [
        'GET "/cart" took 3 ms',
        'GET "/cart?id=3&to=b" took 5 ms',
        'GET "/shop/list.php?page=a,b" took 7 ms',
    ],
    "queries of URLs with ports": [
        'upstream: "http://192.0.2.7:80/cart", host: 5',
        'upstream: "http://192.0.2.7:8080/cart?id=b", host: 6',
    ],
    "hosts": ["no answer of db-1 yet", "no answer of localhost yet", "no answer of a.b.org yet"],
    "names in quotes": [
        'column "price" does not exist at character 15',
        'column "owner" does not exist at character 9',
    ],
}
TEMPLATES_APART = [
    'method "GET" is not allowed',  # capitals recur: a few are states
    'method "PUT" is not allowed',
    "equals a?b=1 here",  # no path, no query
    "equals a?c=1 here",
    'the queue is "empty" or full',  # two places differ
    'the queue is "full" or empty',
]


@pytest.mark.parametrize("kind", ONE_TEMPLATE)
def test_values_by_their_syntax(kind: str) -> None:
    assert len(set(TemplateMiner().fit_transform(ONE_TEMPLATE[kind]).tolist())) == 1


def test_constants_stay_apart() -> None:
    found = TemplateMiner().fit_transform(TEMPLATES_APART).tolist()
    assert len(set(found)) == len(found)


SHARES = {"2,000 lines": 1.0, "1,000 lines": 0.5, "500 lines": 0.25}


def part_of(
    messages: list[str], truth: list[str], share: float, seed: int
) -> tuple[list[str], list[str]]:
    kept = sorted(random.Random(seed).sample(range(len(truth)), int(share * len(truth))))
    return [messages[i] for i in kept], [truth[i] for i in kept]


def accuracy_with(min_values: int, samples: list[tuple[list[str], list]]) -> float:
    miner = TemplateMiner(min_values=min_values)
    found = [miner.fit_transform(messages).tolist() for messages, _ in samples]
    pairs = zip(samples, found, strict=True)
    return sum(grouping_accuracy(truth, ids) for (_, truth), ids in pairs) / len(samples)


def test_accuracy_does_not_hang_on_the_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    """The table of docs/templates.md: mean (lowest) over systems, by threshold and amount."""
    real = {system: labelled("loghub_2k", system) for system in SYSTEMS}
    columns = {
        f"real, {name}": [
            [part_of(*pair, share, seed) for seed in range(2)] for pair in real.values()
        ]
        for name, share in SHARES.items()
    } | {
        f"written, {n:,} lines": [[generate(kind, n, seed) for seed in range(2)] for kind in KINDS]
        for n in (2000, 200)
    }
    table = {
        k: [[accuracy_with(k, samples) for samples in column] for column in columns.values()]
        for k in range(3, 10)
    }
    with capsys.disabled():
        print("\n| `min_values` |", " | ".join(columns), "|")
        for k, row in table.items():
            print(f"| {k} |", " | ".join(f"{sum(c) / len(c):.3f} ({min(c):.2f})" for c in row), "|")
    for k in range(3, 9):
        assert sum(table[k][0]) / len(SYSTEMS) >= 0.99, k
        assert min(table[k][0]) >= 0.97, k
    for k in range(4, 9):
        assert sum(table[k][3]) / len(KINDS) >= 0.96, k
    assert all(sum(column) / len(column) >= 0.94 for column in table[5])


def test_a_threshold_chosen_on_seven_systems_does_for_the_eighth() -> None:
    full = {
        (system, k): accuracy_with(k, [labelled("loghub_2k", system)])
        for system in SYSTEMS
        for k in range(3, 10)
    }
    left_out = []
    for system in SYSTEMS:
        others = {k: sum(full[s, k] for s in SYSTEMS if s != system) / 7 for k in range(3, 10)}
        near = [k for k, mean in others.items() if mean >= max(others.values()) - 0.005]
        left_out.append(full[system, near[len(near) // 2]])
    assert min(left_out) >= 0.97, left_out
    assert sum(left_out) / len(left_out) >= 0.99, left_out


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kinds_of_logs_that_the_project_wrote(kind: str) -> None:
    accuracy = accuracy_with(
        TemplateMiner().min_values, [generate(kind, 2000, s) for s in range(3)]
    )
    assert accuracy >= 0.93


# --- independence of order -----------------------------------------------------------------
WORDS = st.sampled_from(
    ["user", "alice", "bob", "carol", "dave", "eve", "from", "10.0.0.1", "host-a.example.com", "=",
     "(", ")", "42", "GET", "POST", "failed", "login", "disk", "/var/log/x", "7 ms", "ä", ""]
)  # fmt: skip
MESSAGES = st.lists(st.lists(WORDS, max_size=7).map(" ".join), min_size=1, max_size=60)


def state(miner: TemplateMiner) -> list[dict]:
    return sorted(miner.templates.to_pylist(), key=lambda row: row["id"])


@examples(150)
@given(MESSAGES, st.randoms(use_true_random=False), st.integers(1, 6))
def test_merge_order_and_split_change_nothing(
    messages: list[str], rng: random.Random, parts: int
) -> None:
    times = np.arange(len(messages), dtype=np.int64)
    whole = TemplateMiner().fit(messages, timestamps=times)
    order = list(range(len(messages)))
    rng.shuffle(order)
    cuts = sorted(rng.randrange(len(messages) + 1) for _ in range(parts))
    pieces = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True) if a < b]
    miners = [
        TemplateMiner().partial_fit([messages[i] for i in p], timestamps=times[p]) for p in pieces
    ]
    rng.shuffle(miners)
    merged = TemplateMiner()
    for miner in miners:
        merged.merge(miner)
    assert state(merged) == state(whole)
    assert merged.to_bytes() == whole.to_bytes()
    assert merged.transform(messages).tolist() == whole.transform(messages).tolist()
    assert merged.lines_ == len(messages)


def test_batches_and_threads_change_nothing() -> None:
    rng = random.Random(7)
    users = ["root", "alice", "bob", "mallory", "trent", "peggy", "victor"]
    messages = [
        f"session {rng.choice(['opened', 'closed'])} for user {rng.choice(users)} port {i}"
        for i in range(60_000)
    ]
    one = TemplateMiner(n_jobs=1)
    ids = one.fit_transform(messages)
    two = TemplateMiner(n_jobs=4)
    assert np.array_equal(two.fit_transform(messages), ids)
    assert two.to_bytes() == one.to_bytes()
    stepwise = TemplateMiner(n_jobs=1)
    for start in range(0, len(messages), 7_001):
        stepwise.partial_fit(messages[start : start + 7_001])
    assert stepwise.to_bytes() == one.to_bytes()
    assert one.templates.column("template").to_pylist() in (
        ["session opened for user <*> port <*>", "session closed for user <*> port <*>"],
        ["session closed for user <*> port <*>", "session opened for user <*> port <*>"],
    )


# --- ids --------------------------------------------------------------------------------------
def test_ids_survive_growth_through_lineage() -> None:
    miner = TemplateMiner()
    given_ids = []
    for name in ("anna", "berta", "carl", "doro", "emil"):
        given_ids += miner.partial_fit_transform([f"login of user {name} accepted"]).tolist()
    now = set(miner.templates.column("id").to_pylist())
    assert len(now) == 1
    assert {miner.lineage(i) for i in given_ids} == now
    assert min(given_ids) in now
    assert all(0 <= i < 2**53 for i in given_ids)
    assert miner.lineages([*given_ids, 1]).tolist() == [*map(miner.lineage, given_ids), -1]
    assert miner.lineage(1) is None


def test_ids_are_a_contract_across_processes() -> None:
    # Stored values: changing one needs a migration.
    ids = TemplateMiner().fit_transform(["job 17 done in 3 ms", "bye", "a=1, b=[2, 3] at /tmp/x"])
    assert ids.tolist() == [6103125545566293, 2241771271724312, 8404512104897354]


def test_transform_of_unseen_messages() -> None:
    miner = TemplateMiner().fit(
        [f"session opened for user {u}" for u in ["anna", "bob", "cid", "dan"]]
    )
    known = miner.templates.column("id").to_pylist()
    assert miner.transform(["session opened for user zoe"]).tolist() == known
    alone = miner.transform(["a new thing happened"]).tolist()[0]
    assert miner.lineage(alone) is None
    assert miner.partial_fit_transform(["a new thing happened"]).tolist() == [alone]


# --- masks ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sent 12 bytes (1.2 KB) to x", "sent 7 bytes to x"),
        ("at Sun Jul  3 10:05:25 2005 up", "at Mon Dec 12 01:02:03 PST 2011 up"),
        ("peer 10.0.0.1:80, 10.0.0.2:80 gone", "peer 10.0.0.9:443 gone"),
        ("open /etc/passwd failed", "open ./x/y failed"),
        ("open C:\\Windows\\a b", "open D:\\x b"),
        ("mail to <EMAIL> sent", "mail to <EMAIL:3f9a> sent"),
        ("from ff:ee:dd:cc:bb:aa now", "from 00:11:22:33:44:55 now"),
        ("reverse of ns.example.com [1.2.3.4] bad", "reverse of a-b.c.co.uk [9.9.9.9] bad"),
        ("k=true z", "k=false z"),
        ("the screen is true", "the screen is false"),
        ("mask=ffffffff set", "mask=40000500 set"),
        ("value..........0", "value....17"),
        ("lifetime <1 sec", "lifetime 00:02"),
    ],
)
def test_one_shape(one: str, other: str) -> None:
    ids = TemplateMiner().fit_transform([one, other])
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk sda full", "disk sda empty"),
        ("state LOOKING to LEADING", "state LOOKING to FOLLOWING"),
        ("a (uid=0)", "a"),
        ("May the force", "Mon the force"),
        ("connection refused", "connection refused by peer"),
    ],
)
def test_two_shapes(one: str, other: str) -> None:
    ids = TemplateMiner().fit_transform([one, other])
    assert ids[0] != ids[1]


def test_own_masks() -> None:
    miner = TemplateMiner(extra_masks=[r"order-[a-z]+"])
    ids = miner.fit_transform(["got order-abc ok", "got order-xyz ok"])
    assert ids[0] == ids[1]
    assert miner.templates.column("template").to_pylist() == ["got <*> ok"]
    assert TemplateMiner.from_bytes(miner.to_bytes()).extra_masks == (r"order-[a-z]+",)
    with pytest.raises(ConfigError, match="RE2"):
        TemplateMiner(extra_masks=["(unclosed"]).fit(["x"])
    with pytest.raises(ConfigError, match="unknown mask"):
        TemplateMiner(masks=["colour"]).fit(["x"])
    with pytest.raises(ConfigError, match="masks"):
        TemplateMiner().fit(["x"]).merge(miner)


def test_without_masks_paths_are_words() -> None:
    bare = TemplateMiner(masks=())
    assert len(set(bare.fit_transform(["open /a/b", "open /c/d"]).tolist())) == 2
    assert len(set(bare.fit_transform(["job 1", "job 2"]).tolist())) == 1


def test_values_of_keys_are_variable_sooner() -> None:
    messages = [
        '{"id":"17","msg":"ok"}',
        '{"id":"luflyGZvZnLz","msg":"ok"}',
        "k=5 z",
        "k=none-such z",
    ]
    ids = TemplateMiner().fit_transform(messages)
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]


def test_names_between_prepositions_and_among_values() -> None:
    names = ["root", "ftp", "uucp"]
    ids = TemplateMiner().fit_transform([f"password for {x} from 1.2.3.4 refused" for x in names])
    assert len(set(ids)) == 1
    hosts = ["node17", "node18", "login.front"]
    ids = TemplateMiner().fit_transform([f"link to {x} is down" for x in hosts])
    assert len(set(ids)) == 1
    words = ["node17", "node18", "upstream"]
    ids = TemplateMiner().fit_transform([f"link to {x} is down" for x in words])
    assert len(set(ids)) == 2


def test_two_variables_in_unique_combinations() -> None:
    users = ["anna", "bert", "cleo", "dora", "emil", "fred", "gina", "hans", "ines", "jost"]
    towns = ["paris", "berlin", "oslo", "lima", "quito", "cairo", "delhi", "tokyo", "minsk", "rome"]
    line = "request of user {} from office {} was accepted"
    messages = [line.format(u, t) for u in users[:7] for t in towns[:7]]
    messages += [line.format(u, t) for u, t in zip(users[7:], towns[7:], strict=True)]
    miner = TemplateMiner().fit(messages)
    assert miner.templates.column("template").to_pylist() == [line.format("<*>", "<*>")]
    unseen = miner.transform([line.format("zoe", "accra")])
    assert unseen.tolist() == miner.templates.column("id").to_pylist()


def test_folded_wildcards_show_as_one() -> None:
    miner = TemplateMiner().fit(["at 2024-01-02T03:04:05,678 to 10.0.0.1:80, x"])
    assert miner.templates.column("template").to_pylist() == ["at <*> to <*>, x"]


def test_templates_show_the_message_as_it_was_written() -> None:
    miner = TemplateMiner().fit(["Error:  code=17, file '/a/b' (retry 3)  now."])
    row = miner.templates.to_pylist()[0]
    assert row["template"] == "Error:  code=<*>, file '<*>' (retry <*>)  now."
    assert row["count"] == 1
    assert row["first_seen"] is None


# --- input ------------------------------------------------------------------------------------
def test_inputs_agree() -> None:
    messages = ["job 1 done", "job 2 done", "other", ""]
    ids = TemplateMiner().fit_transform(messages).tolist()
    for source in (
        tuple(messages),
        iter(messages),
        np.array(messages, dtype=object),
        pa.array(messages),
        pa.array(messages, pa.large_string()),
        pa.array(messages).dictionary_encode(),
        pa.chunked_array([messages[:1], messages[1:]]),
        pa.array(["x", *messages])[1:],
    ):
        assert TemplateMiner().fit_transform(source).tolist() == ids
    assert TemplateMiner().fit_transform(["", None]).tolist() == [ids[3]] * 2
    for wrong in ("one string", [1, 2], pa.array([1.5]).cast(pa.float64()).to_pylist()):
        with pytest.raises(TypeError):
            TemplateMiner().fit(wrong)
    assert TemplateMiner().fit_transform([]).tolist() == []
    with pytest.raises(ConfigError, match="length"):
        TemplateMiner().fit(["a"], timestamps=[1, 2])
    with pytest.raises(ModelError, match="fit"):
        TemplateMiner().transform(["a"])


@examples(200)
@given(st.lists(st.text(max_size=200), max_size=20))
def test_any_text(messages: list[str]) -> None:
    miner = TemplateMiner()
    ids = miner.fit_transform(messages)
    assert len(ids) == len(messages)
    assert sum(miner.templates.column("count").to_pylist()) == len(messages)
    assert np.array_equal(miner.transform(messages), ids)
    assert TemplateMiner.from_bytes(miner.to_bytes()).to_bytes() == miner.to_bytes()


@pytest.mark.parametrize(
    "hostile",
    ["(" * 9000, "a " * 20_000, ":" * 5000, "1:" * 5000, "<" * 4000, "." * 10_000 + "1",
     "x" * 1_000_000, "é" * 5000, "\x00\x01\x1a", "A" * 300 + " Jul " * 300, "f:" * 4000],
)  # fmt: skip
def test_hostile_messages(hostile: str) -> None:
    miner = TemplateMiner().fit([hostile, "ok", hostile])
    assert sorted(miner.templates.column("count").to_pylist()) == [1, 2]
    assert all(len(e) <= 1000 for e in miner.templates.column("example").to_pylist())


# --- bounds -----------------------------------------------------------------------------------
def test_state_is_bounded() -> None:
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    noise = ["".join(rng.choices(letters, k=9)) + " x y" for _ in range(5_000)]
    miner = TemplateMiner(max_shapes=500, min_values=1000)
    miner.partial_fit(["steady line"] * 100).partial_fit(noise)
    assert miner.shapes_ <= 500
    assert miner.lines_ == 5_100
    held = sum(miner.templates.column("count").to_pylist())
    assert held + miner.dropped_lines_ == 5_100
    assert "steady line" in miner.templates.column("template").to_pylist()


def test_threads_share_one_miner() -> None:
    miner = TemplateMiner(n_jobs=1)
    miner.fit(["start"])

    def work(k: int) -> None:
        for i in range(50):
            miner.partial_fit([f"worker {'abcdef'[k]} step {i}"] * 20)
            miner.transform(["worker a step 1"])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert miner.lines_ == 1 + 4 * 50 * 20


# --- files ------------------------------------------------------------------------------------
def test_saving(tmp_path: Path) -> None:
    miner = TemplateMiner().fit(["job 1", "job 2", "péter=x"], timestamps=np.array([5, 3, 9]))
    miner.save(tmp_path / "m.lf")
    again = TemplateMiner.load(tmp_path / "m.lf")
    assert state(again) == state(miner)
    assert state(pickle.loads(pickle.dumps(miner))) == state(miner)
    assert again.partial_fit(["job 3"]).lines_ == 4
    assert TemplateMiner().get_params() == again.get_params()


def test_damaged_files_are_refused() -> None:
    good = TemplateMiner().fit(["job 1", "user bob in"]).to_bytes()
    for cut in range(len(good)):
        with pytest.raises(ModelError):
            TemplateMiner.from_bytes(good[:cut])
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 0x41
        with pytest.raises(ModelError):
            TemplateMiner.from_bytes(bytes(bad))
    with pytest.raises(ModelError):
        TemplateMiner.from_bytes(good + b"x")


# --- windows ----------------------------------------------------------------------------------
def test_window_counts_and_signals() -> None:
    minute = 60_000_000
    messages, times = [], []
    for w in range(30):
        regular = 20 if w < 29 else 0
        steady = 10 if w < 29 else 200
        messages += ["heartbeat 1"] * regular + ["request 7 served"] * steady
        times += [w * minute + 5] * (regular + steady)
    messages += ["panic at 9"] * 3
    times += [29 * minute] * 3
    when = np.array(times)
    miner = TemplateMiner().fit(messages, timestamps=when)
    counts = miner.window_counts(messages, every="1m", timestamps=when)
    assert sum(counts.column("count").to_pylist()) == len(messages)
    text = dict(
        zip(*(miner.templates.column(c).to_pylist() for c in ("id", "template")), strict=True)
    )
    found = {
        text[r["template_id"]]: (r["signal"], r["count"], r["expected"])
        for r in template_signals(counts).to_pylist()
    }
    assert found == {
        "heartbeat <*>": ("vanished", 0, 20.0),
        "request <*> served": ("surging", 200, 10.0),
        "panic at <*>": ("new", 3, 0.0),
    }


def test_quiet_history_gives_no_signals() -> None:
    rng = np.random.default_rng(3)
    rows = [(w, t, int(rng.poisson(8 * t))) for w in range(50) for t in range(1, 6)]
    table = pa.table(
        dict(zip(("window_start", "template_id", "count"), zip(*rows, strict=True), strict=True))
    )
    assert template_signals(table).num_rows == 0
    assert template_signals(table.slice(0, 0)).num_rows == 0
