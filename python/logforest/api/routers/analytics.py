"""Statistics: from windows, cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from logforest.api import analytics
from logforest.api.params import ServiceDep, Span, split
from logforest.api.problems import Problem, ProblemRoute
from logforest.service import Service
from logforest.windows import BASE_KEYS

__all__ = ["router"]

router = APIRouter(tags=["analytics"], route_class=ProblemRoute)

_ANALYTICS_TTL = 120.0
_DASHBOARD_TTL = 60.0

Every = Annotated[
    str | None, Query(pattern=r"^\d+(s|m|h|d|w)$", description="5m; default: as fits")
]


def _cached(
    service: Service,
    name: str,
    span: Span,
    make: Callable[[dict[str, Any]], Any],
    *extra: object,
    ttl: float = _ANALYTICS_TTL,
) -> Any:
    limits = {"since": span.since, "until": span.until}
    return service.cache.get(
        (name, span.key, *extra), ttl=ttl, version=service.version, make=lambda: make(limits)
    )


@router.get("/api/v1/analytics/summary")
@router.get("/logs/stats")
@router.get("/api/v1/logs/stats", include_in_schema=False)
def summary(service: ServiceDep, span: Span) -> dict[str, Any]:
    """Totals, and counts by level, service and category."""
    found: dict[str, Any] = _cached(
        service, "summary", span, lambda s: analytics.summary(service.store, s), ttl=_DASHBOARD_TTL
    )
    return found


@router.get("/api/v1/analytics/trends")
@router.get("/logs/trends")
@router.get("/api/v1/logs/trends", include_in_schema=False)
def trends(
    service: ServiceDep,
    span: Span,
    every: Every = None,
    by: Annotated[
        list[str] | None, Query(description="tenant, service, level, category; one or several")
    ] = None,
) -> dict[str, Any]:
    """Counts, errors and response times over time."""
    keys = split(by)
    if unknown := [key for key in keys if key not in BASE_KEYS]:
        raise Problem(422, f"by: {unknown[0][:50]!r} is none of {', '.join(BASE_KEYS)}")
    found: dict[str, Any] = _cached(
        service,
        "trends",
        span,
        lambda s: analytics.trends(service.store, s, every=every, by=keys),
        every,
        keys,
        ttl=_DASHBOARD_TTL,
    )
    return found


@router.get("/api/v1/analytics/services")
def services(service: ServiceDep, span: Span) -> dict[str, Any]:
    """Totals by service."""
    return {
        "items": _cached(service, "services", span, lambda s: analytics.services(service.store, s))
    }


@router.get("/api/v1/analytics/categories")
def categories(service: ServiceDep, span: Span) -> dict[str, Any]:
    """Totals by category."""
    return {
        "items": _cached(
            service, "categories", span, lambda s: analytics.categories(service.store, s)
        )
    }


@router.get("/api/v1/analytics/templates")
def templates(
    service: ServiceDep, span: Span, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> dict[str, Any]:
    """The most frequent message templates, each with its latest example."""
    return {
        "items": _cached(
            service,
            "templates",
            span,
            lambda s: analytics.templates(service.store, s, limit),
            limit,
        )
    }


@router.get("/api/v1/analytics/latency")
def latency(service: ServiceDep, span: Span, every: Every = None) -> dict[str, Any]:
    """Response times over time and by service, in ms."""
    found: dict[str, Any] = _cached(
        service,
        "latency",
        span,
        lambda s: analytics.latency(service.store, s, every=every),
        every,
    )
    return found
