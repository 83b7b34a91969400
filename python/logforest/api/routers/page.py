"""The page at ``/``: static files of the package, under a policy that lets nothing else in."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.responses import Response

from logforest.api.problems import Problem

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES = frozenset({"style.css", "app.js", "chart.js", "live.js", "icon.svg"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@cache
def _file(name: str) -> bytes:
    return resources.files("logforest.api").joinpath("static", name).read_bytes()


def _answer(name: str) -> Response:
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(_file(name), headers=_HEADERS, media_type=kind)


@router.get("/")
async def index() -> Response:
    """The dashboard."""
    return _answer("index.html")


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Its parts."""
    if name not in _FILES:
        raise Problem(404, "there is no such file")
    return _answer(name)
