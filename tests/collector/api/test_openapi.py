from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from collector.api import openapi
from collector.api.endpoints import ENDPOINTS
from collector.store import StoreUnavailableError
from tests.collector.api.conftest import Api

ASKED = {
    "/api/v1/hosts": {},
    "/api/v1/hosts/{host}": {},
    "/api/v1/metrics": {},
    "/api/v1/series": {"host": "node1"},
    "/api/v1/values": {"host": "node1"},
    "/api/v1/events": {"limit": "2"},
    "/api/v1/flows": {"limit": "2"},
    "/api/v1/flows/top": {"by": "pair"},
    "/api/v1/status": {},
    "/healthz": {},
    "/readyz": {},
}


def conforms(document: dict[str, Any], schema: dict[str, Any], content: Any) -> None:
    OAS31Validator({**schema, "components": document["components"]}).validate(content)


async def test_the_document_is_valid_openapi_3_1(api: Api) -> None:
    document = await api.get(openapi.PATH)
    validate(document)
    assert document["openapi"].startswith("3.1")


async def test_every_route_is_described_and_every_description_is_served(api: Api) -> None:
    document = await api.get(openapi.PATH)
    served = {route.path for route in api.fabric.app.routes if isinstance(route, Route)} - {"/"}
    assert set(document["paths"]) == served
    assert set(ASKED) == {endpoint.path for endpoint in ENDPOINTS}


@pytest.mark.parametrize("path", ASKED)
async def test_answers_match_their_schema(api: Api, path: str) -> None:
    document = await api.get(openapi.PATH)
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    conforms(document, answer, await api.get(path.format(host="node1"), **ASKED[path]))


async def test_problems_match_their_schema_and_are_announced(api: Api) -> None:
    document = await api.get(openapi.PATH)
    api.fabric.rows.failure = StoreUnavailableError("gone")
    for path, asked, status in (
        ("/api/v1/hosts", {"limit": "0"}, 400),
        ("/api/v1/hosts/{host}", {}, 404),
        ("/api/v1/events", {}, 503),
    ):
        announced = document["paths"][path]["get"]["responses"][str(status)]
        problem = await api.problem(path.format(host="node9"), **asked)
        assert problem["status"] == status
        conforms(document, announced["content"]["application/problem+json"]["schema"], problem)


async def test_parameters_are_described_with_their_bounds(api: Api) -> None:
    document = await api.get(openapi.PATH)
    described = {row["name"]: row for row in document["paths"]["/api/v1/events"]["get"]["parameters"]}
    assert described["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert all(row["description"] and row["in"] == "query" and not row["required"] for row in described.values())
    (host,) = document["paths"]["/api/v1/hosts/{host}"]["get"]["parameters"]
    assert (host["in"], host["required"]) == ("path", True)
