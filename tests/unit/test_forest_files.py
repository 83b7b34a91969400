"""Saved forests: what is written comes back bit for bit; anything else is refused at once."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import logforest as lf
from logforest import _core
from logforest.errors import ModelError

X = np.random.default_rng(0).normal(size=(300, 3))
LIMIT_S = 2.0  # of work, whatever else the machine does


def small() -> lf.IsolationForest:
    return lf.IsolationForest(2, max_samples=8, random_state=1).fit(X)


def refuse(data: bytes) -> None:
    start = time.process_time()
    with pytest.raises(ModelError):
        lf.IsolationForest.from_bytes(data)
    assert time.process_time() - start < LIMIT_S


def reseal(payload: bytes, version: int = 1) -> bytes:
    """A container with a right checksum around a payload of one's own."""
    kind = b"isolation_forest"
    head = b"LOGFOREST" + bytes([1, len(kind)]) + kind
    head += struct.pack("<IQ", version, len(payload))
    return head + payload + struct.pack("<Q", checksum(kind, version, payload))


def checksum(kind: bytes, version: int, payload: bytes) -> int:
    mask = (1 << 64) - 1

    def mix(x: int) -> int:
        x ^= x >> 30
        x = x * 0xBF58476D1CE4E5B9 & mask
        x ^= x >> 27
        x = x * 0x94D049BB133111EB & mask
        return x ^ x >> 31

    def digest(text: bytes, seed: int) -> int:
        k0, k1 = 0x9E3779B97F4A7C15, 0xE7037ED1A0B428DB

        def fold(a: int, b: int) -> int:
            m = a * b
            return (m ^ m >> 64) & mask

        h = seed ^ k0
        whole = len(text) // 16 * 16
        tail = text[whole:].ljust(16, b"\0")
        for i in range(0, whole, 16):
            a, b = struct.unpack_from("<QQ", text, i)
            h = fold(a ^ k0 ^ h, b ^ k1)
        a, b = struct.unpack("<QQ", tail)
        h = fold(a ^ k1 ^ h, b ^ k0)
        return mix(h ^ len(text))

    return digest(payload, digest(kind, version))


class Parts:
    """The payload taken apart, to be altered and sealed again."""

    def __init__(self, data: bytes) -> None:
        payload = data[9 + 2 + 16 + 12 : -8]
        stream = io.BytesIO(payload)
        (size,) = struct.unpack("<I", stream.read(4))
        self.meta: Any = json.loads(stream.read(size))
        (self.features,) = struct.unpack("<I", stream.read(4))
        self.arrays: list[np.ndarray] = []
        for kind in ("<u4", "<u4", "u1", "<u4", "<f4", "<f4", "<f8"):
            (count,) = struct.unpack("<Q", stream.read(8))
            raw = stream.read(count * np.dtype(kind).itemsize)
            self.arrays.append(np.frombuffer(raw, dtype=kind).copy())
        assert not stream.read()

    def seal(self, counts: dict[int, int] | None = None, meta: bytes | None = None) -> bytes:
        text = json.dumps(self.meta).encode() if meta is None else meta
        payload = struct.pack("<I", len(text)) + text + struct.pack("<I", self.features)
        for i, array in enumerate(self.arrays):
            payload += struct.pack("<Q", (counts or {}).get(i, len(array))) + array.tobytes()
        return reseal(payload)


def test_saved_forests_come_back(tmp_path: Path) -> None:
    forest = lf.IsolationForest(random_state=7, n_jobs=2, contamination=0.07).fit(X)
    path = tmp_path / "model.lf"
    forest.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.lf"]
    for again in (
        lf.IsolationForest.load(path),
        lf.IsolationForest.from_bytes(forest.to_bytes()),
        pickle.loads(pickle.dumps(forest)),
        copy.deepcopy(forest),
    ):
        assert again.get_params() == forest.get_params()
        assert again.offset_ == forest.offset_
        np.testing.assert_array_equal(again.score_samples(X), forest.score_samples(X))
        np.testing.assert_array_equal(again.explain(X), forest.explain(X))
        assert again.to_bytes() == forest.to_bytes()
    with pytest.raises(ModelError, match="not fitted"):
        lf.IsolationForest().to_bytes()


def test_the_container_is_what_the_test_thinks() -> None:
    data = small().to_bytes()
    assert Parts(data).seal() == data
    assert len(lf.IsolationForest.from_bytes(data)._forest.tree(0)["feature"]) > 1


def test_every_truncation_is_refused() -> None:
    data = small().to_bytes()
    for size in range(len(data)):
        refuse(data[:size])
    refuse(data + b"\0")


def test_every_flipped_bit_is_refused() -> None:
    data = small().to_bytes()
    for position in range(len(data)):
        for bit in range(8):
            refuse(data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :])


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    for data in (b"", b"LFM1", pickle.dumps(X), b"PK\3\4" + bytes(100), os.urandom(1000)):
        refuse(data)
        path = tmp_path / "x"
        path.write_bytes(data)
        with pytest.raises(ModelError, match="not a logforest file"):
            lf.IsolationForest.load(path)
    with pytest.raises(ModelError, match="no regular file"):
        lf.IsolationForest.load("/dev/zero")
    with pytest.raises(FileNotFoundError):
        lf.IsolationForest.load(tmp_path / "none")


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "owned"),)

    (tmp_path / "evil").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError):
        lf.IsolationForest.load(tmp_path / "evil")
    refuse(b"LOGFOREST" + pickle.dumps(Evil()))
    assert not (tmp_path / "owned").exists()


def test_unknown_versions_are_refused() -> None:
    data = small().to_bytes()
    payload = data[9 + 2 + 16 + 12 : -8]
    for version in (0, 2, 2**32 - 1):
        refuse(reseal(payload, version))
    lf.IsolationForest.from_bytes(reseal(payload))


def _set(array: int, index: int, value: float) -> Callable[[Parts], bytes]:
    def change(parts: Parts) -> bytes:
        parts.arrays[array][index] = value
        return parts.seal()

    return change


def _meta(**fields: Any) -> Callable[[Parts], bytes]:
    def change(parts: Parts) -> bytes:
        parts.meta.update(fields)
        return parts.seal()

    return change


def _features(value: int) -> Callable[[Parts], bytes]:
    def change(parts: Parts) -> bytes:
        parts.features = value
        return parts.seal()

    return change


def _no_trees(parts: Parts) -> bytes:
    parts.arrays = [a[:0] for a in parts.arrays]
    return parts.seal()


_STREAM = {"period": 8, "seen": 0, "warming": False, "pending": 0, "skip": []}

HOSTILE: dict[str, Callable[[Parts], bytes]] = {
    "no trees": _no_trees,
    "empty tree": _set(1, 0, 0),
    "huge tree": _set(1, 0, 2**32 - 1),
    "grown on nothing": _set(0, 0, 0),
    "leaf instead of split": _set(2, 0, 0),
    "split instead of leaf": _set(2, -1, 1),
    "unknown node": _set(2, 0, 77),
    "feature out of range": _set(3, 0, 3),
    "feature that means leaf": _set(3, 0, 2**32 - 1),
    "threshold nan": _set(4, 0, np.nan),
    "threshold infinite": _set(4, 0, -np.inf),
    "row counts overflow": _set(3, -1, 2**32 - 1),
    "no features": _features(0),
    "fewer features": _features(1),
    **{
        f"huge count {i}": (lambda p, i=i: p.seal(counts={i: 2**62 // 8 + 5}))  # type: ignore[misc]
        for i in range(7)
    },
    "count off by one": lambda p: p.seal(counts={4: len(p.arrays[4]) + 1}),
    "meta no json": lambda p: p.seal(meta=b"\x80\x04K\x01."),
    "meta no object": lambda p: p.seal(meta=b"[]"),
    "meta deep": lambda p: p.seal(meta=b"[" * 200_000),
    "meta big number": lambda p: p.seal(meta=b"9" * 100_000),
    "offset nan": _meta(offset=float("nan")),
    "offset text": _meta(offset="0.5"),
    "seed negative": _meta(seed=-1),
    "unknown parameter": _meta(params={"__class__": "os.system"}),
    "parameter of wrong kind": _meta(params={"n_estimators": "many"}),
    "nested parameter": _meta(params={"n_estimators": [1]}),
    "names too few": _meta(feature_names=["a"]),
    "names no text": _meta(feature_names=[1, 2, 3]),
    "stream of nonsense": _meta(stream={"period": 1}),
    "stream with huge period": _meta(stream={**_STREAM, "period": 2**40}),
    "stream with rows that are not there": _meta(stream={**_STREAM, "pending": 3}),
    "stream that skips others": _meta(stream={**_STREAM, "skip": [5]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_sealed_nonsense_is_refused(name: str) -> None:
    refuse(HOSTILE[name](Parts(small().to_bytes())))


def test_a_very_deep_tree_is_no_danger() -> None:
    depth = 300_000
    parts = Parts(small().to_bytes())
    inner = np.tile(np.array([1, 0], dtype="u1"), depth)  # split, leaf, split, leaf, ...
    marks = np.append(inner, np.uint8(0))
    values = np.where(marks == 1, 0, 1).astype("<u4")
    parts.arrays[0] = np.array([256], dtype="<u4")
    parts.arrays[1] = np.array([len(marks)], dtype="<u4")
    parts.arrays[2:5] = [marks, values, np.zeros(depth, dtype="<f4")]
    parts.meta["params"]["n_estimators"] = 1
    forest = lf.IsolationForest.from_bytes(parts.seal())
    scores = forest.anomaly_score(np.array([[-1.0, 0, 0], [1.0, 0, 0]]))
    assert 0.0 <= scores[1] < scores[0] <= 1.0


def test_cycles_cannot_be_imported() -> None:
    tree = small()._forest.tree(0)
    inner = int(np.flatnonzero(tree["right"])[0])
    for target in (0, inner, inner + 1, len(tree["right"]), 2**32 - 1):
        bad = {**tree, "right": tree["right"].copy()}
        bad["right"][inner] = target
        with pytest.raises(ModelError):
            _core.IsolationForest.from_trees([bad], 3)


def test_files_are_the_same_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "m"
    small().save(path)
    code = (
        "import sys, numpy as np, logforest as lf;"
        "X = np.random.default_rng(0).normal(size=(300, 3));"
        "f = lf.IsolationForest(2, max_samples=8, random_state=1).fit(X);"
        "assert f.to_bytes() == open(sys.argv[1], 'rb').read()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
