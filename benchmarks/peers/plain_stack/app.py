"""The stack that many teams write first: one log a request, validated, one stream entry each.

FastAPI and pydantic in front, redis-py's XADD per record, worker.py behind.
Run by benchmarks/bench_plain_stack.py:  python app.py PORT REDIS_URL
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Log(BaseModel):
    timestamp: datetime
    level: str
    service: str
    host: str
    message: str
    endpoint: str | None = None
    method: str | None = None
    status_code: int | None = None
    response_time: float | None = None
    user_id: str | None = None
    trace_id: str | None = None
    region: str | None = None
    pod: str | None = None
    build: dict[str, Any] | None = None


app = FastAPI()
client = redis.from_url(sys.argv[2])


@app.post("/ingest", status_code=202)
async def ingest(log: Log) -> dict[str, int]:
    await client.xadd("plain", {"log": log.model_dump_json()})
    return {"accepted": 1}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
