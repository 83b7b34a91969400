"""LogFeatureExtractor in plain Python, one record after another; meant to be read, not to be fast.

Rows are dicts with timestamp (us), level, service, message, endpoint, status_code, response_time,
template_id. Returns names and rows of floats (nan: missing).
"""

from __future__ import annotations

import math
import re
from collections import Counter

LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]


def words(message: str) -> list[str]:
    runs = re.findall(r"[A-Za-z0-9_]+", message)
    return [r.lower() for r in runs if re.fullmatch(r"[A-Za-z]{3,32}", r)]


class Decayed:
    def __init__(self):
        self.w = self.s = self.q = 0.0

    def scale(self, f):
        self.w, self.s, self.q = self.w * f, self.s * f, self.q * f

    def add(self, x, w):
        self.w, self.s, self.q = self.w + w, self.s + w * x, self.q + w * x * x

    def mean(self, least=0.5):
        return self.s / self.w if self.w >= least else math.nan

    def std(self, least=1.5):
        if self.w < least:
            return math.nan
        return math.sqrt(max(0.0, self.q / self.w - (self.s / self.w) ** 2))


def fit(rows, n_words, max_services=32):
    def top(counter, n):
        return sorted(name for name, _ in sorted(counter.items(), key=lambda i: (-i[1], i[0]))[:n])

    services = top(Counter(r["service"] for r in rows), max_services)
    documents = Counter(w for r in rows for w in set(words(r["message"])))
    vocabulary = top(documents, n_words)
    idf = {w: math.log((1 + len(rows)) / (1 + documents[w])) + 1 for w in vocabulary}
    templates = Counter(r["template_id"] for r in rows)
    return services, idf, templates


def transform(rows, fitted, tau_seconds=900.0):
    services, idf, fitted_templates = fitted
    templates = Counter(fitted_templates)
    last: dict[str, int] = {}
    state: dict[str, tuple[Decayed, Decayed, Decayed]] = {}
    out = []
    for r in rows:
        row = []
        rt, status = r["response_time"], r["status_code"]
        row += [math.nan if rt is None else rt, math.nan if status is None else status]
        row += [len(r["message"].encode())]
        row += [math.nan if r["endpoint"] is None else len(r["endpoint"].encode())]
        row += [float(r["level"] == level) for level in LEVELS]
        row += [float(r["service"] == s) for s in services]
        row += [float(r["service"] not in services)]
        minute = r["timestamp"] // 60_000_000 + 3 * 1440
        for period in (1440, 7 * 1440):
            angle = 2 * math.pi * (minute % period) / period
            row += [math.sin(angle), math.cos(angle)]
        name, us = r["service"], r["timestamp"]
        if name not in state:
            state[name] = (Decayed(), Decayed(), Decayed())
            row.append(math.nan)
            last[name] = us
            weight = 1.0
        else:
            age = us - last[name]
            row.append(max(0, age) / 1e6)
            weight = math.exp(-abs(age) / (tau_seconds * 1e6))
            if age >= 0:
                for part in state[name]:
                    part.scale(weight)
                last[name] = us
                weight = 1.0
        plain, logarithm, error = state[name]
        row += [plain.mean(), plain.std(), error.mean(), error.std()]
        spread = logarithm.std(8.0)
        if rt is None or math.isnan(spread):
            row.append(math.nan)
        else:
            row.append((math.log(max(rt, 1e-3)) - logarithm.mean()) / max(spread, 0.05))
        if rt is not None:
            plain.add(rt, weight)
            logarithm.add(math.log(max(rt, 1e-3)), weight)
        failed = r["level"] in ("ERROR", "CRITICAL") or (status is not None and status >= 500)
        error.add(float(failed), weight)
        row.append(math.log2((templates.total() + 1) / (templates[r["template_id"]] + 1)))
        templates[r["template_id"]] += 1
        counts = Counter(w for w in words(r["message"]) if w in idf)
        norm = math.sqrt(sum((n * idf[w]) ** 2 for w, n in counts.items())) or 1.0
        row += [counts[w] * idf[w] / norm for w in idf]
        out.append(row)
    names = ["response_time", "status_code", "message_length", "endpoint_length"]
    names += [f"level_{level}" for level in LEVELS]
    names += [f"service_{s}" for s in services] + ["service_other"]
    names += ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "seconds_since_last"]
    names += ["rolling_response_time_mean", "rolling_response_time_std"]
    names += ["rolling_error_mean", "rolling_error_std", "response_time_deviation"]
    names += ["template_rarity"]
    return names + [f"tfidf_{w}" for w in idf], out
