"""Health, queue and metrics: for people, load balancers and Prometheus."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from logforest.api.params import ServiceDep
from logforest.api.problems import ProblemRoute

__all__ = ["router"]

router = APIRouter(tags=["health"], route_class=ProblemRoute)


@router.get("/health", summary="The state of every part")
@router.get("/api/v1/health", include_in_schema=False)
def health(service: ServiceDep, response: Response) -> dict[str, Any]:
    """200 when all is well or only degraded, 503 while shutting down."""
    found = service.health()
    if found["status"] == "draining":
        response.status_code = 503
    return found


@router.get("/health/live", summary="Whether the process runs")
async def live() -> dict[str, str]:
    """200 as long as the event loop answers."""
    return {"status": "ok"}


@router.get("/health/ready", summary="Whether requests are taken")
async def ready(service: ServiceDep, response: Response) -> dict[str, Any]:
    """200 when records are taken in; otherwise 503 with what is wrong."""
    needed = {n: c for n, c in service.checks.items() if n not in service.optional}
    problems = {name: check() for name, check in needed.items()}
    failing = {name: problem for name, problem in problems.items() if problem}
    if service.draining:
        failing["service"] = "shutting down"
    response.status_code = 503 if failing else 200
    return {"status": "failing" if failing else "ok", **({"failing": failing} if failing else {})}


@router.get("/queue/status", summary="How much waits")
@router.get("/api/v1/queue/status", include_in_schema=False)
def queue(service: ServiceDep) -> dict[str, Any]:
    """Requests taken and not yet answered, and records not yet scored."""
    return asdict(service.queue.status())


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def metrics(service: ServiceDep) -> Response:
    """Text exposition format."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)
