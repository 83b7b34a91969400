"""How far records are off for their kind: against a plain reference, any cut, files, bad bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from logforest import LogBatch, ModelError, _core

TEXTS = ("page {} shown", "item {} stored", "stack dump follows: {}")


def batch(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n, p=[0.6, 0.395, 0.005])
    ms = rng.lognormal(3, 0.4, n) * np.array([1.0, 20.0, 1.0])[kind]
    return pa.table(
        {
            "timestamp": pa.array(np.arange(n), pa.timestamp("us", "UTC")),
            "service": pa.array(rng.choice(["web", "db"], n)),
            "message": [TEXTS[k].format(i) for i, k in enumerate(kind)],
            "response_time": pa.array(ms, mask=rng.random(n) < 0.05),
        }
    )


def core(table: pa.Table) -> _core.LogBatch:
    return LogBatch.from_arrow(table)._core


def reference(known: pa.Table, seen: pa.Table) -> np.ndarray:
    """Two columns, as the core computes them, from lists."""

    def rows(table: pa.Table) -> list:
        return [
            (
                (row["service"], row["message"].split()[0]),
                None if row["response_time"] is None else np.log(row["response_time"]),
                np.log1p(len(row["message"])),
            )
            for row in table.to_pylist()
        ]

    sums: dict = {}
    for (service, word), *values in rows(known):
        for q, value in enumerate(values):
            if value is not None:
                for key in ((service, word, q), (service, None, q)):
                    sums.setdefault(key, []).append(value)
    out = np.full((seen.num_rows, 2), np.nan)
    for i, ((service, word), *values) in enumerate(rows(seen)):
        for q, value in enumerate(values):
            own = sums.get((service, word, q), [])
            usual = own if len(own) >= 50 else sums.get((service, None, q), [])
            if value is not None and len(usual) >= 50:
                out[i, q] = (value - np.mean(usual)) / max(0.1, np.std(usual))
    return out


def test_deviations_are_those_of_the_reference() -> None:
    known, seen = batch(4000, 1), batch(500, 2)
    kinds = _core.Kinds(most_kinds=1000)
    assert np.isnan(kinds.deviations(core(seen), 0, 500)).all()
    kinds.add(core(known), 0, 4000)
    kinds.turn()
    got, expected = kinds.deviations(core(seen), 0, 500), reference(known, seen)
    assert (np.isnan(got) == np.isnan(expected)).all()
    np.testing.assert_allclose(got, expected, atol=0.02, rtol=0.01)
    assert abs(np.nanmean(got)) < 0.5
    assert 0.01 < np.isnan(got[:, 0]).mean() < 0.1


def test_cut_and_order_change_nothing_and_files_keep_all() -> None:
    table = batch(3000, 3)
    whole, parts = _core.Kinds(most_kinds=1000), _core.Kinds(most_kinds=1000)
    whole.add(core(table), 0, 3000)
    for begin, end in ((0, 1), (1, 700), (700, 3000)):
        parts.add(core(table), begin, end)
    for kinds in (whole, parts):
        kinds.turn()
        kinds.add(core(table), 100, 200)
    assert whole.save() == parts.save()
    again = _core.Kinds.load(whole.save())
    again.turn()
    whole.turn()
    got, expected = (k.deviations(core(table), 5, 2005) for k in (again, whole))
    np.testing.assert_array_equal(got, expected)
    assert again.save() == whole.save()


def test_kinds_are_bounded_and_forgotten() -> None:
    kinds = _core.Kinds(most_kinds=3)
    kinds.add(core(batch(1000, 4)), 0, 1000)
    assert kinds.num_kinds == 3
    for _ in range(12):
        kinds.turn()
    assert kinds.num_kinds == 0


def test_damaged_bytes_and_foreign_rows_are_refused() -> None:
    kinds = _core.Kinds(most_kinds=100)
    logs = core(batch(200, 5))
    kinds.add(logs, 0, 200)
    data = kinds.save()
    for at in range(0, len(data), 7):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        with pytest.raises(ModelError):
            _core.Kinds.load(damaged)
    with pytest.raises(ModelError):
        _core.Kinds.load(data[:-9])
    with pytest.raises(ValueError, match="rows"):
        kinds.deviations(logs, 100, 201)
