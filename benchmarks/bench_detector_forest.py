"""The detector's forest: grown anew, or renewed tree by tree (`partial_fit`)?

Run: python benchmarks/bench_detector_forest.py. Streams of 1.2 million made-up records of four
services with 0.1 % labelled strange ones (slow, failing, long, of a rare template), steady and
with four kinds of drift from a third of the stream on; and one demo of 10 hours, outside and inside
its labelled incidents. Printed: area under the ROC curve and recall of the strange records, usual
records reported per 10,000 (before the drift, in the 200,000 records after it began, in the last
400,000), and the processor time that learning and scoring took.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

import logforest as lf
from logforest import _core, demo
from logforest._inputs import core_batch
from logforest.detection.records import RecordJudge, with_exposure

BATCH, BATCHES, DRIFT = 20_000, 60, 20
START = 1_767_571_200_000_000
STRANGE = 0.001
MESSAGES = [
    "order {} shown in {} ms",
    "cart of customer {} changed, {} items",
    "payment {} booked after {} ms",
    "stock of article {} is {}",
    "session {} renewed for {} s",
    "mail {} handed over in {} ms",
]
DRIFTS = ("none", "slower and slower", "release", "debug turned on", "another service's share")


def stream(drift: str, seed: int) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Batches of records and which of them are strange."""
    rng = np.random.default_rng(seed)
    median, spread = np.array([12.0, 40.0, 150.0, 700.0]), np.array([0.4, 0.5, 0.5, 0.7])
    for batch in range(BATCHES):
        after = max(0, batch - DRIFT)
        moved = batch >= DRIFT
        share = np.array([0.4, 0.3, 0.2, 0.1])
        if drift == "another service's share" and moved:
            share = np.array([0.1, 0.1, 0.2, 0.6])
        service = rng.choice(4, BATCH, p=share)
        ms = rng.lognormal(np.log(median[service]), spread[service])
        if drift == "slower and slower":
            ms *= 4.0 ** min(1.0, after / 20)
        refused = 0.08 if drift == "release" and moved else 0.001
        status = np.where(rng.random(BATCH) < refused, 404, 200)
        if drift == "release" and moved:
            ms = np.where(service == 1, 2.5 * ms, ms)
        level = np.where(rng.random(BATCH) < 0.02, "WARN", "INFO").astype(object)
        kind = rng.integers(0, len(MESSAGES), BATCH)
        a, b = rng.integers(1, 10**6, BATCH), rng.integers(1, 500, BATCH)
        texts = [MESSAGES[k].format(x, y) for k, x, y in zip(kind, a, b, strict=True)]
        if drift == "release" and moved:
            texts = [f"{text}, region north-{x % 7}, flow checkout-new" for text, x in
                     zip(texts, a, strict=True)]  # fmt: skip
        if drift == "debug turned on" and moved:
            for i in np.flatnonzero(rng.random(BATCH) < 0.4):
                level[i] = "DEBUG"
                texts[i] = f"enter handler with arguments customer={a[i]} limit={b[i]} " + "x" * 60
        strange = rng.random(BATCH) < STRANGE
        for i in np.flatnonzero(strange):
            match rng.integers(0, 4):
                case 0:
                    ms[i] *= np.exp(rng.uniform(3, 5))
                case 1:
                    status[i], level[i] = 503, "ERROR"
                    texts[i] = "upstream gave no answer"
                case 2:
                    texts[i] += " " + "and so on " * int(rng.integers(40, 200))
                case _:
                    level[i] = "ERROR"
                    texts[i] = f"invariant {chr(97 + int(rng.integers(26)))}{a[i]} does not hold"
        stamps = START + (batch * BATCH + np.arange(BATCH)) * 10_000
        yield (
            pa.table(
                {
                    "timestamp": pa.array(stamps, pa.timestamp("us", "UTC")),
                    "service": [f"service-{s}" for s in service],
                    "level": pa.array(level, pa.string()),
                    "message": texts,
                    "status_code": pa.array(status, pa.int16()),
                    "response_time": ms,
                }
            ),
            strange,
        )


class Often(RecordJudge):
    """Grown anew more often."""

    every = 50_000

    @property
    def _due_after(self) -> int:
        return self.every if self.fits else max(self.warmup, 500)


class Seldom(Often):
    every = 250_000


class Renewed(RecordJudge):
    """Renewed by partial_fit on the rows that the sample is offered; threshold every 50,000."""

    shield, protect, renewal = 0.0, False, 0.25

    @property
    def _due_after(self) -> int:
        return 50_000 if self.fits else max(self.warmup, 500)

    def learn(self, rows: np.ndarray, logs: _core.LogBatch, begin: int) -> bool:
        if self.fits:
            assert self.forest is not None
            picked = np.ascontiguousarray(rows[::5, : len(self.names)])
            if self.shield:
                scores = self.forest.anomaly_score(picked)
                picked = picked[scores <= np.quantile(scores, 1 - self.shield)]
            seed = self.seed + self.sampled
            seen = np.random.default_rng(seed).permutation(with_exposure(picked, self.names, seed))
            self.forest.partial_fit(seen, protect=self.protect, renewal=self.renewal)
            self.fixed = True  # from here on only the threshold is set anew
        return super().learn(rows, logs, begin)


class Protected(Renewed):
    protect = True


class Shielded(Renewed):
    shield = 0.005


class Gentle(Shielded):
    renewal = 0.02


JUDGES: dict[str, Callable[..., RecordJudge]] = {
    "grown anew every 250,000": Seldom,
    "grown anew every 100,000": RecordJudge,
    "grown anew every 50,000": Often,
    "partial_fit": Renewed,
    "partial_fit, strangest 0.5 % left out": Shielded,
    "the same, 2 % of the trees at a time": Gentle,
    "partial_fit(protect=True)": Protected,
}


def threshold(judge: RecordJudge) -> float:
    """The forest alone: the score that one usual record in 2,000 reaches, 0.6 at least."""
    assert judge.forest is not None
    scores = judge.forest.anomaly_score(np.ascontiguousarray(judge.sample[:, : len(judge.names)]))
    start = np.quantile(scores, 0.995)
    return max(0.6, float(start + (scores[scores > start] - start).mean() * np.log(10.0)))


def run(judge: RecordJudge, batches: list) -> tuple[list, float]:
    """Scores and reports of every batch, and seconds of processor time without the features."""
    seconds, limit, out = 0.0, 1.0, []
    for logs in batches:
        core = core_batch(logs)
        rows = judge.features(core)
        began = time.process_time()
        if judge.ready:
            assert judge.forest is not None
            scores = judge.forest.anomaly_score(rows)
            out.append((scores, scores >= limit))
        else:
            out.append(None)
        begin = 0
        while begin < len(rows):
            part = judge.with_own(rows[begin : begin + judge.room()], core, begin)
            if judge.learn(part, core, begin) and judge.fit():
                limit = threshold(judge)
            begin += len(part)
        seconds += time.process_time() - began
    return out, seconds


def report(out: list, labels: list[np.ndarray], part: slice) -> tuple[float, float, float]:
    scores, over, strange = (
        np.concatenate(x)
        for x in zip(*[(s, o, y) for (s, o), y in zip(out[part], labels[part], strict=True)],
                     strict=True)
    )  # fmt: skip
    return (
        float(roc_auc_score(strange, scores)),
        float(over[strange].mean()),
        1e4 * float(over[~strange].mean()),
    )


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    parts = {"before": slice(2, DRIFT), "after": slice(DRIFT, DRIFT + 10), "late": slice(40, 60)}
    results: dict[tuple[str, str], list] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    for drift in DRIFTS:
        for seed in range(seeds):
            batches, labels = map(list, zip(*stream(drift, seed), strict=True))
            for name, make in JUDGES.items():
                out, seconds = run(make(10_000, seed, None), batches)
                cpu[name].append(seconds)
                results[drift, name].append([report(out, labels, p) for p in parts.values()])
    print(f"{'area / recall / false per 10,000':<40}" + "".join(f"{p:>24}" for p in parts))
    for drift in DRIFTS:
        print(drift)
        for name in JUDGES:
            mean = np.mean(results[drift, name], axis=0)
            cells = "".join(f"{a:>12.4f}{r:>6.2f}{f:>6.1f}" for a, r, f in mean)
            print(f"  {name:<38}{cells}")
    print("demo, 10 hours: records reported inside and outside incidents (or next to them)")
    text, incidents = demo.generate(hours=10, density=900, seed=77)
    batches = list(lf.read_logs(text, batch_rows=BATCH))
    near = {
        (i.service, m)
        for i in incidents
        for m in range(int(i.start.timestamp()) // 60 - 1, int(i.end.timestamp()) // 60 + 1)
    }
    inside = []
    for batch in batches:
        services = batch["service"].to_pylist()
        minutes = (batch["timestamp"].cast(pa.int64()).to_numpy() // 60_000_000).tolist()
        inside.append(np.array([pair in near for pair in zip(services, minutes, strict=True)]))
    for name, make in JUDGES.items():
        out, seconds = run(make(10_000, 0, None), batches)
        cpu[name].append(seconds)
        hits = [int(o[1][y].sum()) for o, y in zip(out, inside, strict=True) if o]
        false = [int(o[1][~y].sum()) for o, y in zip(out, inside, strict=True) if o]
        print(f"  {name:<38}{sum(hits):>8,}{sum(false):>8,} of {sum(map(len, inside)):,}")
    print("processor time to learn and score, ms per 100,000 records")
    streams = len(DRIFTS) * seeds
    for name, seconds in cpu.items():
        each = np.mean(seconds[:streams]) / (BATCH * BATCHES) * 1e8
        print(f"  {name:<38}{each:>8.0f}")


if __name__ == "__main__":
    main()
