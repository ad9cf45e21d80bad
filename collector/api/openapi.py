"""The OpenAPI 3.1 document, made from the table of endpoints and the Structs that they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from collector.api.endpoints import Endpoint
from collector.api.problems import MEDIA_TYPE, Problem
from fabricscope import __version__

PATH = "/api/v1/openapi.json"

_PROBLEMS = {
    400: "A parameter is wrong; the problem names it and the remedy.",
    404: "No such host.",
    503: "The store does not answer.",
}


def describe(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document."""
    answers = [endpoint.answer for endpoint in endpoints]
    _, schemas = msgspec.json.schema_components([*answers, Problem], ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fabricscope collector",
            "description": "What the fabric of a GPU training cluster is doing: hosts, latest values, events.",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{endpoint.path: {"get": _operation(endpoint)} for endpoint in endpoints},
            PATH: {"get": {"operationId": "openapi", "summary": "This document", "responses": {"200": _ANY_JSON}}},
        },
        "components": {"schemas": schemas},
    }


_ANY_JSON = {
    "description": "OK",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters = _parameters(endpoint)
    problems = (400, *endpoint.problems)
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": _reference(endpoint.answer)}},
            },
            **{
                str(status): {
                    "description": _PROBLEMS[status],
                    "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
                }
                for status in problems
            },
        },
    }


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = msgspec.json.schema_components([endpoint.parameters])[1][endpoint.parameters.__name__]
    described = []
    for name, property_schema in schema["properties"].items():
        in_path = f"{{{name}}}" in endpoint.path
        # Null and [] as defaults say no more than that the parameter may be left out.
        left_out = {"description"} if property_schema.get("default") else {"description", "default"}
        described.append(
            {
                "name": name,
                "in": "path" if in_path else "query",
                "required": in_path or name in schema.get("required", []),
                "description": property_schema.get("description", ""),
                "schema": {key: value for key, value in property_schema.items() if key not in left_out},
            }
        )
    return described


def _reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
