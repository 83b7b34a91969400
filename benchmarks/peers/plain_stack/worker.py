"""Reads the stream of app.py and inserts with executemany, a hundred records a transaction.

Run by benchmarks/bench_plain_stack.py:  python worker.py REDIS_URL DSN
"""

from __future__ import annotations

import json
import sys

import psycopg
import redis

TABLE = """
CREATE TABLE IF NOT EXISTS plain_logs (
    id bigserial PRIMARY KEY, timestamp timestamptz NOT NULL, level text NOT NULL, service text,
    message text NOT NULL, status_code integer, response_time double precision, metadata jsonb
);
CREATE INDEX IF NOT EXISTS plain_time ON plain_logs (timestamp);
CREATE INDEX IF NOT EXISTS plain_service ON plain_logs (service);
CREATE INDEX IF NOT EXISTS plain_level ON plain_logs (level);
"""
INSERT = (
    "INSERT INTO plain_logs (timestamp, level, service, message, status_code, response_time, "
    "metadata) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
COLUMNS = ("timestamp", "level", "service", "message", "status_code", "response_time")
BATCH = 100


def row(entry: dict[bytes, bytes]) -> tuple[object, ...]:
    log = json.loads(entry[b"log"])
    return (*(log.pop(name) for name in COLUMNS), json.dumps(log))


def main() -> None:
    client = redis.Redis.from_url(sys.argv[1])
    client.xgroup_create("plain", "store", id="0", mkstream=True)
    with psycopg.connect(sys.argv[2]) as connection:
        connection.execute(TABLE)
        connection.commit()
        print("ready", flush=True)
        while True:
            answer = client.xreadgroup("store", "one", {"plain": ">"}, count=BATCH, block=1000)
            for _, entries in answer or []:
                with connection.cursor() as cursor:
                    cursor.executemany(INSERT, [row(entry) for _, entry in entries])
                connection.commit()
                client.xack("plain", "store", *(key for key, _ in entries))


if __name__ == "__main__":
    main()
