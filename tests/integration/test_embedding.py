"""Our routers and our application inside somebody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from logforest.api.app import create_app
from logforest.api.routers import analytics, anomalies, health, ingest, live, logs
from logforest.service import Service, open_service
from logforest.settings import Settings


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    opened = open_service(Settings(data=tmp_path))
    yield opened
    opened.close()


@pytest.mark.parametrize("prefix", ["", "/logging"])
def test_routers_alone_answer_as_the_service_does(service: Service, prefix: str) -> None:
    app = FastAPI()
    app.state.service = service
    for module in (ingest, logs, analytics, anomalies, health, live):
        app.include_router(module.router, prefix=prefix)
    with TestClient(app) as client:
        assert client.post(f"{prefix}/ingest", content=b'{"msg":"a"}').status_code == 202
        assert client.post(f"{prefix}/data/", content=b'{"msg":"b"}').json()["ids"] == [2]
        assert client.get(f"{prefix}/api/v1/logs").json()["total"] == 2
        assert client.get(f"{prefix}/health").json()["status"] == "ok"
        for path, status in (
            ("/api/v1/logs?level=loud", 400), ("/api/v1/logs?limit=x", 422), ("/logs/99", 404),
            ("/anomalies/1", 404), ("/logs/trends?by=nothing", 422),
        ):  # fmt: skip
            refused = client.get(prefix + path)
            assert refused.status_code == refused.json()["status"] == status, path
            assert refused.headers["content-type"] == "application/problem+json"
        with client.websocket_connect(f"{prefix}/ws") as socket:
            client.post(f"{prefix}/ingest", content=b'{"msg":"live"}')
            assert json.loads(socket.receive_text())["payload"]["message"] == "live"


def test_the_whole_application_can_be_mounted(service: Service) -> None:
    outer = FastAPI()
    outer.mount("/logs-app", create_app(service))
    with TestClient(outer) as client:
        assert client.post("/logs-app/ingest", content=b'{"msg":"m"}').status_code == 202
        assert client.get("/logs-app/api/v1/logs").json()["total"] == 1
        assert client.head("/logs-app/health/live").status_code == 200
