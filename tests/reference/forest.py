"""A plain Isolation Forest, written to be read: the meaning of the C++ one, bit for bit.

Only drawing rows without weights is covered (weights change the draw and nothing else).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


class Random:
    """splitmix64; tree number `tree` of a seed has its own stream."""

    def __init__(self, seed: int, tree: int) -> None:
        self.state = mix((mix((seed + GOLDEN) & MASK) + GOLDEN * (tree + 1)) & MASK)

    def next(self) -> int:
        self.state = (self.state + GOLDEN) & MASK
        return mix(self.state)

    def below(self, n: int) -> int:
        return self.next() * n >> 64

    def uniform(self) -> float:
        return (self.next() >> 11) * 2.0**-53

    def distinct(self, n: int, k: int) -> list[int]:
        """k distinct numbers below n (Floyd)."""
        if k == n:
            return list(range(n))
        seen: set[int] = set()
        out = []
        for limit in range(n - k, n):
            pick = self.below(limit + 1)
            out.append(limit if pick in seen else pick)
            seen.add(out[-1])
        return out


@dataclass
class Node:
    samples: int
    feature: int = -1
    threshold: float = 0.0
    missing_left: bool = False
    left: Node | None = None
    right: Node | None = None


class Grower:
    def __init__(self, x: np.ndarray, psi: int, features: int, bootstrap: bool) -> None:
        self.x, self.psi, self.count, self.bootstrap = x, psi, features, bootstrap

    def grow(self, seed: int, tree: int) -> Node:
        self.random = Random(seed, tree)
        n, d = self.x.shape
        if self.bootstrap:
            rows = [self.random.below(n) for _ in range(self.psi)]
        else:
            rows = self.random.distinct(n, self.psi)
        self.features = self.random.distinct(d, self.count)
        self.deepest = math.ceil(math.log2(max(self.psi, 2)))
        return self.split(rows, 0, self.count)

    def split(self, rows: list[int], depth: int, candidates: int) -> Node:
        node = Node(len(rows))
        if len(rows) <= 1 or depth >= self.deepest:
            return node
        while True:  # a feature that varies; those that do not are out for the whole subtree
            if candidates == 0:
                return node
            pick = self.random.below(candidates)
            feature = self.features[pick]
            values = self.x[rows, feature]
            present = values[~np.isnan(values)]
            missing = len(values) - len(present)
            if len(present) and (present.min() < present.max() or missing):
                break
            last = candidates - 1
            self.features[pick], self.features[last] = self.features[last], self.features[pick]
            candidates -= 1
        low, high = present.min(), present.max()
        threshold = low
        if low < high:
            threshold = np.float32(float(low) + self.random.uniform() * (float(high) - float(low)))
            if not threshold < high:
                threshold = low
            if missing:
                node.missing_left = self.random.next() & 1 == 1
        left = [
            row
            for row, v in zip(rows, values, strict=True)
            if (node.missing_left if np.isnan(v) else v <= threshold)
        ]
        right = [
            row
            for row, v in zip(rows, values, strict=True)
            if not (node.missing_left if np.isnan(v) else v <= threshold)
        ]
        if not missing:
            node.missing_left = len(left) > len(right)
        node.feature, node.threshold = feature, float(threshold)
        node.left = self.split(left, depth + 1, candidates)
        node.right = self.split(right, depth + 1, candidates)
        return node


def average_path(n: int) -> float:
    if n <= 1:
        return 0.0
    if n == 2:
        return 1.0
    return 2.0 * (math.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n


class Forest:
    def __init__(
        self,
        x: np.ndarray,
        *,
        trees: int,
        psi: int,
        seed: int,
        features: int | None = None,
        bootstrap: bool = False,
    ) -> None:
        x = x.astype(np.float32)
        self.psi = psi
        grower = Grower(x, psi, features or x.shape[1], bootstrap)
        self.trees = [grower.grow(seed, i) for i in range(trees)]
        # A leaf's path length is kept in whole units of 2 ** -bits so that sums are exact.
        longest = max([2.0] + [p for t in self.trees for p in self._paths(t)])
        self.scale = 2.0 ** math.floor(math.log2(4294967295.0 / (trees * (longest + 1e-3))))

    def _paths(self, node: Node, depth: int = 0) -> list[float]:
        if node.left is None or node.right is None:
            return [self._path(node, depth)]
        return self._paths(node.left, depth + 1) + self._paths(node.right, depth + 1)

    def _path(self, leaf: Node, depth: int) -> float:
        c = average_path(self.psi)
        return (depth + average_path(leaf.samples)) * (1.0 / c) if c > 0 else 1.0

    def _walk(self, node: Node, row: np.ndarray) -> list[Node]:
        path = [node]
        while node.left is not None and node.right is not None:
            v = row[node.feature]
            left = node.missing_left if np.isnan(v) else v <= np.float32(node.threshold)
            node = node.left if left else node.right
            path.append(node)
        return path

    def score(self, x: np.ndarray) -> np.ndarray:
        out = np.empty(len(x))
        unit = 1.0 / (self.scale * len(self.trees))
        for i, row in enumerate(x.astype(np.float32)):
            total = 0
            for tree in self.trees:
                path = self._walk(tree, row)
                total += math.floor(self._path(path[-1], len(path) - 1) * self.scale + 0.5)
            out[i] = math.exp2(-(total * unit))
        return out

    def _expected(self, node: Node, depth: int) -> float:
        """Mean normalised path of the training rows below a node."""
        if node.left is None or node.right is None:
            return self._path(node, depth)
        left, right = node.left, node.right
        return (
            self._expected(left, depth + 1) * left.samples
            + self._expected(right, depth + 1) * right.samples
        ) / node.samples

    def explain(self, x: np.ndarray) -> tuple[np.ndarray, float]:
        """Contributions and the baseline score."""
        out = np.zeros(x.shape)
        base = float(np.mean([self._expected(tree, 0) for tree in self.trees]))
        for i, row in enumerate(x.astype(np.float32)):
            for tree in self.trees:
                path = self._walk(tree, row)
                for depth, (parent, child) in enumerate(pairwise(path)):
                    change = self._expected(child, depth + 1) - self._expected(parent, depth)
                    out[i, parent.feature] += change / len(self.trees)
            gap = out[i].sum()
            if gap != 0.0:
                out[i] *= (2.0 ** -(base + gap) - 2.0**-base) / gap
        return out, 2.0**-base

    def arrays(self, tree: int) -> dict[str, list[Any]]:
        """The nodes of a tree in preorder."""
        out: dict[str, list[Any]] = {"feature": [], "threshold": [], "samples": [], "missing": []}

        def visit(node: Node) -> None:
            out["feature"].append(node.feature if node.left is not None else 0xFFFFFFFF)
            out["threshold"].append(node.threshold)
            out["samples"].append(node.samples)
            out["missing"].append(int(node.missing_left))
            for child in (node.left, node.right):
                if child is not None:
                    visit(child)

        visit(self.trees[tree])
        return out
