"""Every route of the embedded service over real HTTP, and the commands that speak to it."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import threading
import zlib
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
import zstandard

from logforest import demo
from logforest.testing.service import UpProcess, run_command

DEMO_RECORDS = 20_000
ROWS = 600
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
Row = dict[str, Any]


def _rows() -> list[Row]:
    """Three records in each second, so that pages are cut between equal times."""
    return [
        {
            "timestamp": f"2026-03-01T10:{i // 180:02d}:{i // 3 % 60:02d}Z",
            "level": LEVELS[i % 5],
            "service": f"corpus-{i % 4}",
            "source": f"host-{i % 3}",
            "message": f"{'Payment refused' if i % 7 == 0 else 'order taken'} by shop w{i:04d}x",
            "status_code": (200, 204, 404, 500, 503)[i % 5],
            "response_time": float(i),
        }
        for i in range(ROWS)
    ]


CORPUS = _rows()
OURS = "service=corpus-0,corpus-1&service=corpus-2,corpus-3"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("http") / "data") as running:
        text, _ = demo.generate(DEMO_RECORDS, hours=4)  # with incidents
        assert running.request("POST", "/ingest", text)[0] == 202
        status, answer = running.request("POST", "/data/", json.dumps(CORPUS).encode())
        assert status == 201
        for row, row_id in zip(CORPUS, json.loads(answer)["ids"], strict=True):
            row["id"] = row_id
        running.wait_for(lambda: running.get("/queue/status")["lag"] == 0)
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.output


def call(up: UpProcess, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
    """An answer whose body was read into ``.body``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(up.connect()) as connection:
        connection.request(method, path, body or None, named)
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
    return answer


def post(up: UpProcess, path: str, body: bytes, status: int = 202, **headers: str) -> Any:
    got, answer = up.request("POST", path, body, **headers)
    assert got == status, answer
    return json.loads(answer)


def problem(up: UpProcess, status: int, method: str, path: str, body: bytes = b"", **h: str) -> Row:
    answer = call(up, method, path, body, **h)
    text: bytes = answer.body  # type: ignore[attr-defined]
    assert answer.status == status, text
    assert answer.headers["content-type"] == "application/problem+json"
    found: Row = json.loads(text)
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert found["instance"] == path.partition("?")[0]
    return found


def next_id(up: UpProcess) -> int:
    """Stores one record; ids without a gap show that nothing else was stored."""
    return int(post(up, "/data/", b'{"message":"mark"}', 201)["first_id"])


# Taking records in


BODIES = {
    "record": (b'{"message":"one","level":"warn"}', "application/json", 1),
    "array": (b'[{"message":"a"},{"message":"b"}]', "application/json", 2),
    "ndjson": (b'{"message":"a"}\n{"message":"b"}\n{"message":"c"}', "application/x-ndjson", 3),
    "text": (b"plain words\nmore words\n", "text/plain; charset=utf-8", 2),
    "unnamed": (b'{"message":"a"}\n', "", 1),
}
ENCODINGS = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("path", ["/ingest", "/api/v1/logs/ingest", "/data/fast"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", BODIES)
def test_ingest(up: UpProcess, path: str, encoding: str, kind: str) -> None:
    body, content_type, records = BODIES[kind]
    headers = {"Content_Type": content_type, "Content_Encoding": encoding}
    answer = post(up, path, ENCODINGS[encoding](body), **{k: v for k, v in headers.items() if v})
    assert answer == {"accepted": records, "rejected": [], "first_id": answer["first_id"]}
    for i in range(records):
        assert up.get(f"/logs/{answer['first_id'] + i}")["message"]


def test_bad_lines_do_not_sink_the_others(up: UpProcess) -> None:
    body = b'{"message":"first"}\n{"message":\n\n{"message":"last"}\n'
    answer = post(up, "/ingest", body, Content_Type="application/x-ndjson")
    assert answer["accepted"] == 2
    assert answer["rejected"] == [
        {"line": 2, "offset": 20, "reason": "truncated", "text": '{"message":'}
    ]
    assert up.get(f"/logs/{answer['first_id'] + 1}")["message"] == "last"


def test_many_bad_lines_are_counted(up: UpProcess) -> None:
    answer = post(up, "/ingest", b"{bad\n" * 250, Content_Type="application/x-ndjson")
    assert answer["accepted"] == 0
    assert [r["line"] for r in answer["rejected"]] == list(range(1, 101))
    assert answer["rejected_total"] == 250


def test_idempotency_key(up: UpProcess) -> None:
    send = {"Idempotency_Key": "same-1", "Content_Type": "application/json"}
    first = call(up, "POST", "/ingest", b'{"message":"once"}', **send)
    again = call(up, "POST", "/ingest", b'{"message":"once"}', **send)
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body  # type: ignore[attr-defined]
    assert first.headers["idempotency-replayed"] is None
    assert again.headers["idempotency-replayed"] == "true"
    problem(up, 422, "POST", "/ingest", b'{"message":"other"}', **send)
    problem(up, 400, "POST", "/ingest", b'{"message":"x"}', Idempotency_Key="k" * 256)
    assert up.get("/api/v1/logs?q=once&sinceMinutes=5")["total"] == 1


def test_a_key_sent_at_once_by_many_stores_once(up: UpProcess) -> None:
    answers: list[bytes] = []

    def send() -> None:
        got = up.request("POST", "/ingest", b'{"message":"raced"}', Idempotency_Key="race")
        answers.append(got[1])

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16
    assert len(set(answers)) == 1
    assert up.get("/api/v1/logs?q=raced&sinceMinutes=5")["total"] == 1


def test_data_answers_with_ids(up: UpProcess) -> None:
    body = b'{"message":"i"}\nnot json\n{"message":"j"}\n'
    for path in ("/data/", "/data", "/api/v1/data/"):
        answer = post(up, path, body, 201, Content_Type="application/x-ndjson")
        assert [up.get(f"/logs/{i}")["message"] for i in answer["ids"]] == ["i", "j"]
        assert [r["line"] for r in answer["rejected"]] == [2]


def test_defaults_from_the_address(up: UpProcess) -> None:
    answer = post(up, "/data/?service=svc&source=src&format=logfmt", b'level=warn msg="hi"\n', 201)
    record = up.get(f"/logs/{answer['ids'][0]}")
    shown = (record["service"], record["source"], record["level"], record["message"])
    assert shown == ("svc", "src", "WARN", "hi")


ACCESS = b'203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 500 12\n'


def test_parse_auto(up: UpProcess) -> None:
    before = next_id(up)
    answer = post(up, "/parse/auto", ACCESS + b"\x00garbage\n" + ACCESS, 200)
    assert answer["records"] == len(answer["items"]) >= 2
    assert (answer["stored"], answer["items"][0]["id"]) == (None, None)
    shown = {k: answer["items"][0][k] for k in ("status_code", "method", "endpoint", "timestamp")}
    assert shown == {
        "status_code": 500, "method": "GET", "endpoint": "/a", "timestamp": "2026-10-10T13:55:36Z",
    }  # fmt: skip
    assert next_id(up) == before + 1
    kept = post(up, "/api/v1/parse/auto?store=true", gzip.compress(ACCESS * 2), 201)
    assert kept["stored"]["accepted"] == 2
    for item in kept["items"]:
        stored = up.get(f"/logs/{item['id']}")
        assert {**stored, "created_at": None} == {**item, "created_at": None}
    named = post(up, "/parse/auto?format=json", b'{"message":"a"}\n{bad\n', 200)
    assert (named["format"], named["records"], named["rejected"][0]["line"]) == ("json", 1, 2)


@pytest.mark.parametrize("path", ["/ingest", "/data/", "/parse/auto"])
def test_refusals_of_bodies(up: UpProcess, path: str) -> None:
    before = next_id(up)
    assert "empty" in problem(up, 400, "POST", path)["detail"]
    problem(up, 400, "POST", path, b"plain", Content_Encoding="gzip")
    problem(up, 415, "POST", path, b"x", Content_Encoding="br")
    problem(up, 415, "POST", path, b"x", Content_Type="image/png")
    problem(up, 413, "POST", path, gzip.compress(b"a" * (80 << 20), 1), Content_Encoding="gzip")
    problem(up, 422, "POST", f"{path}?format=nonsense", b"x")
    assert next_id(up) == before + 1


# Reading


def expected(**wanted: object) -> list[int]:
    """Ids of the corpus, newest first."""
    rows = [r for r in CORPUS if all(r[k] in v for k, v in wanted.items())]  # type: ignore[operator]
    return [r["id"] for r in sorted(rows, key=lambda r: (r["timestamp"], r["id"]), reverse=True)]


FILTERS: dict[str, dict[str, object]] = {
    "": {},
    "level=error": {"level": ["ERROR"]},
    "level=ERR&level=crit": {"level": ["ERROR", "CRITICAL"]},
    "levels=warning,debug": {"level": ["WARN", "DEBUG"]},
    "source=host-1": {"source": ["host-1"]},
    "source=host-1,host-2": {"source": ["host-1", "host-2"]},
    "status=404": {"status_code": [404]},
    "status=5xx": {"status_code": [500, 503]},
    "status=204-500": {"status_code": [204, 404, 500]},
    "status_min=404&status_max=500": {"status_code": [404, 500]},
    "q=payment": {"message": [r["message"] for r in CORPUS[::7]]},
    "q=SHOP+refused": {"message": [r["message"] for r in CORPUS[::7]]},
    "q=%22refused+by%22": {"message": [r["message"] for r in CORPUS[::7]]},
    "q=%25": {"id": []},
    "q=w0007x": {"id": [7]},
    "since=2026-03-01T10:02:00Z": {"timestamp": [r["timestamp"] for r in CORPUS[360:]]},
    "until=2026-03-01T11:02:00%2B01:00": {"timestamp": [r["timestamp"] for r in CORPUS[:360]]},
    "since=1772359260&until=1772359261000": {"timestamp": ["2026-03-01T10:01:00Z"]},
    "level=error&source=host-0&status=500": {"level": ["ERROR"], "source": ["host-0"]},
    "sinceMinutes=1": {"id": []},
}


@pytest.mark.parametrize("filters", FILTERS)
def test_filters(up: UpProcess, filters: str) -> None:
    wanted = {k: [CORPUS[7]["id"]] if v == [7] else v for k, v in FILTERS[filters].items()}
    for path in ("/api/v1/logs", "/logs/search", "/recent"):
        answer = call(up, "GET", f"{path}?{OURS}&limit=1000&{filters}")
        page = json.loads(answer.body)  # type: ignore[attr-defined]
        ids = expected(**wanted)
        assert [item["id"] for item in page["items"]] == ids
        assert page["total"] == int(answer.headers["X-Total-Count"]) == len(ids)
        assert page["next_cursor"] is None


def test_category_and_template(up: UpProcess) -> None:
    page = up.get(f"/api/v1/logs?{OURS}&limit=1000")
    for name, parameter in (("category", "category"), ("template_id", "template")):
        found = 0
        for value in {item[name] for item in page["items"]}:
            same = up.get(f"/api/v1/logs?{OURS}&limit=1000&{parameter}={value}")["items"]
            assert same == [item for item in page["items"] if item[name] == value]
            found += len(same)
        assert found == ROWS


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("limit", [3, 7, 100, 200, 599])
def test_cursors_give_each_record_once(up: UpProcess, limit: int, order: str) -> None:
    filters = f"{OURS}&level=error" if limit == 3 else OURS
    ids = expected(level=["ERROR"]) if limit == 3 else expected()
    seen: list[int] = []
    cursor = ""
    while True:
        answer = call(
            up, "GET", f"/api/v1/logs?{filters}&limit={limit}&order={order}&cursor={cursor}"
        )
        page = json.loads(answer.body)  # type: ignore[attr-defined]
        assert int(answer.headers["X-Total-Count"]) == len(ids)
        assert answer.headers["X-Next-Cursor"] == page["next_cursor"]
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == limit
    assert seen == (ids if order == "desc" else ids[::-1])


def test_cursors_hold_while_records_come_in(up: UpProcess) -> None:
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = up.get(f"/api/v1/logs?{OURS}&until=2026-03-02&limit=100&cursor={cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        post(up, "/ingest", b'{"service":"corpus-0","message":"new"}')
    assert seen == expected()


def test_offsets(up: UpProcess) -> None:
    until = f"{OURS}&until=2026-03-02"
    pages = [up.get(f"/logs?{until}&limit=250&offset={at}") for at in (0, 250, 500, 750)]
    assert [item["id"] for page in pages for item in page["items"]] == expected()
    assert {page["total"] for page in pages} == {ROWS}


def test_limit_zero_counts_only(up: UpProcess) -> None:
    page = up.get(f"/api/v1/logs?{OURS}&until=2026-03-02&limit=0")
    assert page == {"items": [], "next_cursor": None, "total": ROWS}
    assert up.get("/api/v1/anomalies?limit=0")["items"] == []
    for form in ("ndjson", "csv", "arrow"):
        assert call(up, "GET", f"/recent?limit=0&format={form}").status == 200


def test_formats_hold_the_same_records(up: UpProcess) -> None:
    path = f"/api/v1/logs?{OURS}&until=2026-03-02&limit=500"
    items = up.get(path)["items"]
    answers = {f: call(up, "GET", f"{path}&format={f}") for f in ("ndjson", "csv", "arrow")}
    for answer in answers.values():
        assert answer.headers["X-Total-Count"] == str(ROWS)
        assert answer.headers["X-Next-Cursor"]
    bodies: dict[str, bytes] = {f: a.body for f, a in answers.items()}  # type: ignore[attr-defined]
    assert answers["ndjson"].headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in bodies["ndjson"].splitlines()] == items
    assert answers["csv"].headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(bodies["csv"].decode())))
    for name in ("id", "level", "service", "message", "status_code"):
        assert [row[name] for row in rows] == [str(item[name]) for item in items]
    assert answers["arrow"].headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(bodies["arrow"]).read_all()
    for name in ("id", "message", "status_code", "response_time"):
        assert table[name].to_pylist() == [item[name] for item in items]


def test_csv_cells_are_no_formulas(up: UpProcess) -> None:
    messages = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'say "a", b\nc']
    records = [{"service": "=cmd", "message": message} for message in messages]
    ids = post(up, "/data/", json.dumps(records).encode(), 201)["ids"]
    answer = call(up, "GET", f"/api/v1/logs?service={quote('=cmd')}&format=csv&order=asc")
    rows = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))  # type: ignore[attr-defined]
    head, rows = rows[0], rows[1:]
    assert sorted(int(row[head.index("id")]) for row in rows) == ids
    for row in rows:
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_one_record_and_its_neighbours(up: UpProcess) -> None:
    wanted = CORPUS[100]
    record = up.get(f"/logs/{wanted['id']}")
    assert {name: record[name] for name in wanted} == wanted
    assert up.get(f"/api/v1/logs/{wanted['id']}") == record
    around = up.get(f"/logs/{wanted['id']}/context?lines=2")["items"]
    assert [item["id"] for item in around] == [CORPUS[i]["id"] for i in (92, 96, 100, 104, 108)]


def test_statistics_count_what_is_stored(up: UpProcess) -> None:
    span = "since=2026-03-01&until=2026-03-02"
    for path in ("/logs/stats", "/api/v1/analytics/summary", "/api/v1/logs/stats"):
        summary = up.get(f"{path}?{span}")
        assert summary["total"] == ROWS
        assert summary["by_level"] == dict.fromkeys(LEVELS, ROWS // 5)
        assert summary["by_service"] == {f"corpus-{i}": ROWS // 4 for i in range(4)}
        assert sum(summary["by_category"].values()) == ROWS
        assert summary["time_range"] == {
            "start": "2026-03-01T10:00:00Z",
            "end": "2026-03-01T10:04:00Z",
        }
    for path in ("/logs/trends", "/api/v1/analytics/trends"):
        points = up.get(f"{path}?{span}&every=1m&by=level")["points"]
        assert len(points) == 20
        assert sum(point["count"] for point in points) == ROWS
        assert points[0]["window_start"] == "2026-03-01T10:00:00Z"
    for name in ("services", "categories", "templates"):
        items = up.get(f"/api/v1/analytics/{name}?{span}")["items"]
        assert sum(item["count"] for item in items) == ROWS
    latency = up.get(f"/api/v1/analytics/latency?{span}&every=1m")
    assert [p["min"] for p in latency["points"]] == [0, 180, 360, 540]
    assert [p["max"] for p in latency["points"]] == [179, 359, 539, 599]
    assert {s["service"]: s["mean"] for s in latency["services"]} == {
        f"corpus-{i}": 298.0 + i for i in range(4)
    }
    for total in (2, 4):  # what is remembered gives way to what was stored
        post(up, "/ingest?service=fresh", b'{"message":"a"}\n{"message":"b"}\n')
        up.wait_for(lambda n=total: up.get("/logs/stats")["by_service"].get("fresh") == n)


def test_anomalies(up: UpProcess) -> None:
    found = up.get("/api/v1/anomalies?limit=10000")["items"]
    assert found
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = up.get(f"/anomalies?limit=3&cursor={cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [item["id"] for item in found]
    assert len(set(seen)) == len(seen)
    for path in ("/anomalies", "/api/v1/anomalies"):
        one = up.get(f"{path}/{found[0]['id']}")
        assert one["reasons"]
        assert one["log"] == up.get(f"/logs/{found[0]['log_id']}")
        assert one["log"] in one["context"]
    named = next(item for item in found if item["service"])
    severity, service = named["severity"], named["service"]
    same = up.get(f"/anomalies?limit=10000&severity={severity}&service={service}")["items"]
    assert same == [i for i in found if (i["severity"], i["service"]) == (severity, service)]
    assert up.get(f"/anomalies?kind={found[0]['kind']}&limit=1")["items"][0] == found[0]
    assert up.get("/anomalies?until=2000-01-01")["items"] == []


def test_health_queue_metrics(up: UpProcess) -> None:
    for path in ("/health", "/api/v1/health"):
        health = up.get(path)
        assert health["status"] == "ok"
        assert {part["status"] for part in health["services"].values()} == {"ok"}
        assert {"store", "detection"} <= set(health["services"])
        assert health["uptime_seconds"] > 0
    assert up.get("/health/live") == up.get("/health/ready") == {"status": "ok"}
    for path in ("/queue/status", "/api/v1/queue/status"):
        assert up.get(path)["capacity_bytes"] > 0
    before = _accepted(up)
    post(up, "/ingest", b'{"message":"a"}\n{"message":"b"}\n')
    assert _accepted(up) == before + 2


def _accepted(up: UpProcess) -> float:
    answer = call(up, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.body.decode().splitlines()  # type: ignore[attr-defined]
    return float(next(x for x in lines if "accepted" in x and x[0] != "#").split()[1])


def test_page_and_document(up: UpProcess) -> None:
    answer = call(up, "GET", "/")
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    paths = up.get("/openapi.json")["paths"]
    assert {"/api/v1/logs", "/api/v1/logs/ingest", "/data/", "/api/v1/anomalies"} <= set(paths)


# Errors


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (404, "GET", "/nowhere"),
        (404, "GET", "/logs/999999999"),
        (404, "GET", "/logs/999999999/context"),
        (404, "GET", "/anomalies/999999999"),
        (404, "GET", "/static/app.py"),
        (405, "DELETE", "/api/v1/logs"),
        (405, "GET", "/ingest"),
        (405, "PUT", "/data/"),
        (405, "POST", "/health"),
        (422, "GET", "/logs/" + "9" * 40),
        (422, "GET", "/anomalies/x"),
        (422, "GET", "/api/v1/logs?limit=-1"),
        (422, "GET", "/api/v1/logs?format=xml"),
        (422, "GET", "/api/v1/logs?since=2026-02-02&until=2026-02-01"),
        (422, "GET", "/api/v1/logs?template=" + "9" * 40),
        (400, "GET", "/api/v1/logs?cursor=AAAA"),
        (400, "GET", "/api/v1/logs?level=loud"),
        (400, "GET", "/api/v1/logs?status=4x4"),
        (400, "GET", "/api/v1/logs?since=yesterday"),
    ],
)
def test_problems(up: UpProcess, status: int, method: str, path: str) -> None:
    assert "SQL" not in problem(up, status, method, path)["detail"]


def test_document_tells_of_refusals_and_formats(up: UpProcess) -> None:
    paths = up.get("/openapi.json")["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    formats = paths["/api/v1/logs"]["get"]["responses"]["200"]["content"]
    for name in ("json", "ndjson", "csv", "arrow"):
        got = call(up, "GET", f"/api/v1/logs?limit=1&format={name}").headers["content-type"]
        assert got.partition(";")[0] in formats
    missing = call(up, "GET", "/logs/999999999/context")
    assert missing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/health/ready", "/api/v1/logs?limit=1", "/metrics"])
def test_head_answers_as_get_without_a_body(up: UpProcess, path: str) -> None:
    answer = call(up, "HEAD", path)
    assert answer.status == 200
    assert answer.body == b""  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == call(up, "GET", path).headers["content-type"]
    for other, status in (("/nowhere", 404), ("/ingest", 405)):
        refused = call(up, "HEAD", other)
        assert (refused.status, refused.body) == (status, b"")  # type: ignore[attr-defined]


def test_keys_of_trends_come_in_any_list(up: UpProcess) -> None:
    both = up.get("/logs/trends?since=2026-03-01&until=2026-03-02&by=service,level")
    assert both["by"] == ["service", "level"]
    for same in ("by=service&by=level", "by=service&by=level&by=service"):
        assert up.get(f"/logs/trends?since=2026-03-01&until=2026-03-02&{same}") == both
    assert "'source' is none of" in problem(up, 422, "GET", "/logs/trends?by=source")["detail"]


BIG = "9" * 40
ODD = [
    "limit=0", f"limit={BIG}", f"offset={BIG}", "offset=10000000", "cursor=%C3%A9",
    "cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE1LDE4NDQ2NzQ0MDczNzA5NTUxNjE1XQ", "cursor=WzEsMV0",
    f"template=-{BIG}", f"status={BIG}", "status=500-400", "status_min=5&status_max=1",
    f"since={BIG}", "since=nan", "since=inf", "since=0001-01-01", "since=9999-12-31T23:59:59Z",
    "since=999999999999d", "until=0001-01-01T00:00:00%2B14:00", "sinceMinutes=nan",
    "sinceMinutes=1e8", "q=%00", "q=%FF", "q=%22", "q=%5C%25_'", "level=,", "level=%00",
    "service=%00", "service=" + "a," * 3000, "source=%FF", "order=x", "format=arrow&limit=0",
    "every=0m", f"every={BIG}d", "every=99999999d", "every=7s", "by=level&by=level", "by=nothing",
    "by=tenant&by=service&by=level&by=category", "severity=none", "kind=%00", f"lines={BIG}",
    "lines=-1", "unknown=1", "&&==&%",
]  # fmt: skip
READS = (
    "/api/v1/logs", "/recent", "/logs/trends", "/api/v1/analytics/summary", "/logs/1",
    "/api/v1/analytics/services", "/api/v1/analytics/categories", "/api/v1/analytics/templates",
    "/api/v1/analytics/latency", "/api/v1/anomalies", "/logs/1/context", "/health", "/metrics",
)  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_odd_parameters_are_never_our_failure(up: UpProcess, path: str) -> None:
    with contextlib.closing(up.connect()) as connection:
        for odd in ODD:
            connection.request("GET", f"{path}?{odd}")
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status in (200, 400, 422), (odd, body[:300])
            if answer.status != 200:
                assert answer.headers["content-type"] == "application/problem+json"
                assert json.loads(body)["detail"]


# Commands


def test_query_command(up: UpProcess) -> None:
    filters = ("--url", up.url, "--service", "corpus-0", "--until", "2026-03-02")
    code, out, _ = run_command("query", "payment", *filters, "--status", "5xx", "--json")
    assert code == 0
    found = [json.loads(line)["id"] for line in out.splitlines()]
    assert found == [
        r["id"]
        for r in CORPUS[::-1]
        if r["service"] == "corpus-0" and r["status_code"] >= 500 and "Payment" in r["message"]
    ]
    everything = ("--url", up.url, "--service", "cli-csv", "--csv", "-n", "2100")
    post(up, "/ingest?service=cli-csv", b'{"message":"a, b"}\n' * 2500)
    code, out, _ = run_command("query", *everything)
    assert code == 0
    rows = list(csv.reader(io.StringIO(out.decode())))
    assert len({row[0] for row in rows}) == 2101
    assert rows[0][0] == "id"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["query", "--level", "loud", "--url", "{url}"], "'loud' is none of DEBUG"),
        (["query", "--url", "http://127.0.0.1:9"], "cannot reach http://127.0.0.1:9"),
        (["query", "--url", "ftp://x"], "is not an http(s) address"),
        (["query", "--data", "/nowhere"], "there is no store"),
        (["query", "--json", "--csv", "--url", "{url}"], "not both"),
        (["query", "--data", "{data}"], "held by process"),
        (["ingest", "/nowhere.log", "--url", "{url}"], "/nowhere.log"),
        (["ingest", "x", "--url", "{url}", "--data", "y"], "not both"),
        (["ingest", "-", "--url", "{url}", "--format", "nonsense"], "'nonsense' is none of"),
    ],
)
def test_commands_say_what_is_wrong(up: UpProcess, arguments: list[str], said: str) -> None:
    filled = [a.format(url=up.url, data=up.data) for a in arguments]
    code, out, error = run_command(*filled, stdin=b"a line\n")
    assert code not in (0, -6, -11)
    assert out == b""
    assert said in error
    assert len(error.strip().splitlines()) == 1
