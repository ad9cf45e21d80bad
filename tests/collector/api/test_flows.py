from __future__ import annotations

from collector.store import FlowFilter, FlowGroup, StoreUnavailableError
from tests.collector.api.conftest import Api
from tests.collector.store.rows import START, flow_row
from tests.fixtures.flows import flow, key, rdma


async def test_a_flow_is_shown_with_its_names_and_all_its_detail(api: Api) -> None:
    shown_key = key(source_queue_pair=17, destination_queue_pair=18)
    api.fabric.rows.flow_rows = [flow_row(4, flow(key=shown_key, rdma=rdma()))]
    (shown,) = (await api.get("/api/v1/flows"))["flows"]
    assert shown["id"] == "node1/epoch-a/4/0"
    assert (shown["source"], shown["destination"], shown["destination_port"]) == ("10.0.0.1", "10.0.0.2", 443)
    assert (shown["source_queue_pair"], shown["packets"], shown["octets"]) == (17, 30, 3000)
    assert (shown["label"], shown["confidence"], shown["behaviour"]) == ("tls", 0.75, "elephant")
    assert shown["start"] == "2065-01-24T05:20:00.000000000Z"
    assert shown["detail"]["rdma"]["joined_by"] == "sequence-numbers"


async def test_flows_are_paged(api: Api) -> None:
    api.fabric.rows.flow_rows = [flow_row(number, flow()) for number in (5, 4, 3)]
    first = await api.get("/api/v1/flows", limit="2")
    assert [shown["id"] for shown in first["flows"]] == ["node1/epoch-a/5/0", "node1/epoch-a/4/0"]
    second = await api.get("/api/v1/flows", limit="2", after=first["after"])
    assert [shown["id"] for shown in second["flows"]] == ["node1/epoch-a/3/0"]
    assert second["after"] is None


async def test_every_filter_reaches_the_store(api: Api) -> None:
    asked = {
        "since": "2065-01-24T05:20:00Z",
        "until": "3000000001",
        "cluster": "prod",
        "host": "node1",
        "label": "",
        "behaviour": "elephant",
        "address": "10.0.0.1",
        "port": "443",
        "queue_pair": "17",
        "protocol": "6",
        "min_octets": "5",
        "observer": "mirror0",
    }
    await api.get("/api/v1/flows", **asked)
    await api.get("/api/v1/flows/top", **asked)
    assert api.fabric.rows.asked_flows == 2 * [
        FlowFilter(
            since_unix_ns=START,
            until_unix_ns=START + 1_000_000_000,
            cluster="prod",
            host="node1",
            label="",
            behaviour="elephant",
            address="10.0.0.1",
            port=443,
            queue_pair=17,
            protocol=6,
            min_octets=5,
            observer="mirror0",
        )
    ]


async def test_groups_are_shown(api: Api) -> None:
    api.fabric.rows.groups = [FlowGroup("tls", 1, 2, 3, 4, 5, 6, 7, 8, 9)]
    (group,) = (await api.get("/api/v1/flows/top", by="pair"))["groups"]
    assert group == {
        "name": "pair tls",
        "flows": 1,
        "packets": 2,
        "octets": 3,
        "retransmissions": 4,
        "ecn_marked": 5,
        "rdma_lost": 6,
        "rdma_unseen": 7,
        "rdma_naks": 8,
        "rdma_cnps": 9,
    }


async def test_without_the_store_flows_are_unavailable(api: Api) -> None:
    api.fabric.rows.failure = StoreUnavailableError("gone")
    for path in ("/api/v1/flows", "/api/v1/flows/top"):
        assert (await api.problem(path))["status"] == 503


async def test_bad_parameters_are_named(api: Api) -> None:
    for name, value in (("by", "colour"), ("port", "70000"), ("queue_pair", "-1"), ("limit", "0")):
        problem = await api.problem(f"/api/v1/flows/top?{name}={value}")
        assert (problem["status"], problem["parameter"]) == (400, name)
