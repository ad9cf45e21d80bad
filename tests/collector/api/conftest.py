"""The API over an imaginary fabric, asked without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.collector.api.fabric import Fabric, fabric_of_two, stored


class Api(NamedTuple):
    """What tests ask, and what is behind it."""

    fabric: Fabric
    client: httpx.AsyncClient

    async def get(self, path: str, **parameters: Any) -> Any:
        """The document at `path`, which must be there."""
        response = await self.client.get(path, params=parameters or None)
        assert response.status_code == 200, response.text
        return response.json()

    async def problem(self, path: str, **parameters: Any) -> Any:
        """The problem that asking for `path` is."""
        response = await self.client.get(path, params=parameters or None)
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == response.status_code >= 400
        assert problem["remedy"]
        return problem


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    fabric = fabric_of_two([stored(1), stored(2), stored(3, "node2", message="<b>x</b>")])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fabric.app), base_url="http://collector") as client:
        yield Api(fabric, client)
