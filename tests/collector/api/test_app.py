from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.api import Sources, make_app
from collector.api.app import WEB
from tests.collector.api.conftest import Api


async def test_the_page_and_its_files_are_served_under_a_strict_policy(api: Api) -> None:
    page = await api.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    for file in WEB.iterdir():
        if file.suffix in (".js", ".css"):
            response = await api.client.get(f"/static/{file.name}")
            assert response.status_code == 200
            assert response.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/nothing", "/static/../app.py", "/static/%2e%2e/api/app.py", "/api/v2/hosts"])
async def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    problem = await api.problem(path)
    assert problem["status"] == 404
    assert "openapi.json" in problem["remedy"]


@pytest.mark.parametrize("path", ["/", "/api/v1/hosts", "/api/v1/openapi.json", "/healthz"])
async def test_nothing_can_be_changed(api: Api, path: str) -> None:
    response = await api.client.post(path)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD" or set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert response.json()["remedy"] == "use GET: the API only shows"


async def test_answers_are_not_cached_and_head_works(api: Api) -> None:
    response = await api.client.get("/api/v1/hosts")
    assert response.headers["cache-control"] == "no-store"
    assert (await api.client.head("/api/v1/hosts")).status_code == 200


async def test_routes_of_exporters_are_served_too(api: Api) -> None:
    async def metrics(_: Request) -> Response:
        return PlainTextResponse("up 1\n")

    fabric = api.fabric
    app = make_app(Sources(fabric.state, fabric.rows, lambda: fabric.now, ":7450"), routes=[Route("/metrics", metrics)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        response = await client.get("/metrics")
    assert response.text == "up 1\n"
    assert response.headers["x-content-type-options"] == "nosniff"
