"""The ASGI application of the collector: the endpoints, the page, and what exporters serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api import openapi, parameters
from collector.api.endpoints import ENDPOINTS, Endpoint
from collector.api.problems import MEDIA_TYPE, Problem, ProblemError
from collector.api.sources import Sources

WEB = Path(__file__).parent.parent / "web"

_HEADERS = {
    # The page loads its own script and style and asks its own origin; nothing else, inline or foreign.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    # Asked again each time, so that a new release is not shown by an old script; unchanged files are not sent again.
    "cache-control": "no-cache",
}


def make_app(sources: Sources, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application; `routes` are those that exporters serve, such as /metrics."""
    description = msgspec.json.encode(openapi.describe(ENDPOINTS))

    async def described(_: Request) -> Response:
        return Response(description, media_type="application/json")

    async def page(_: Request) -> Response:
        return FileResponse(WEB / "index.html")

    return Starlette(
        routes=[
            *(Route(endpoint.path, _answering(endpoint, sources), methods=["GET"]) for endpoint in ENDPOINTS),
            Route(openapi.PATH, described, methods=["GET"]),
            Route("/", page, methods=["GET"]),
            Mount("/static", StaticFiles(directory=WEB)),
            *routes,
        ],
        middleware=[Middleware(_SecurityHeaders)],
        exception_handlers={HTTPException: _http_problem, ProblemError: _problem},
    )


def _answering(endpoint: Endpoint, sources: Sources) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        query = parameters.parse(endpoint.parameters, request.path_params, request.query_params)
        document = await endpoint.handle(sources, query)
        return Response(
            msgspec.json.encode(document), media_type="application/json", headers={"cache-control": "no-store"}
        )

    return answer


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  registered for it alone
    return _response(error.problem)


def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it alone
    remedy = f"GET {openapi.PATH} describes what there is"
    if error.status_code == 405:
        remedy = "use GET: the API only shows"
    detail = f"{request.method} {request.url.path[:200]}: {error.detail}"
    return _response(Problem(error.detail, error.status_code, detail, remedy=remedy), error.headers)


def _response(problem: Problem, headers: object = None) -> Response:
    extra = dict(headers) if isinstance(headers, dict) else {}
    return Response(
        msgspec.json.encode(problem),
        problem.status,
        media_type=MEDIA_TYPE,
        headers={**extra, "cache-control": "no-store"},
    )


class _SecurityHeaders:
    """ASGI: the headers that keep a browser from doing what the page never asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
