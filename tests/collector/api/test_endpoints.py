from __future__ import annotations

import pytest

from collector.store import EventFilter, StoreUnavailableError
from fabricscope.model import Severity
from tests.collector.api.conftest import Api
from tests.collector.api.fabric import SECOND, START, after


async def test_hosts_say_how_fresh_they_are(api: Api) -> None:
    page = await api.get("/api/v1/hosts")
    assert page["after"] is None
    live, stale = page["hosts"]
    assert (live["host"], live["status"], live["connected"], live["silent_seconds"]) == ("node1", "live", True, 0)
    assert (stale["host"], stale["status"], stale["silent_seconds"]) == ("node2", "stale", 60)
    assert live["labels"] == {"cluster": "prod", "rack": "r1"}
    assert live["last_seen"] == "2026-11-22T22:54:20.000000000Z"
    assert [sampler["sampler"] for sampler in live["samplers"]] == ["ethernet", "infiniband", "pcie"]
    assert live["series"] == sum(sampler["series"] for sampler in live["samplers"]) > 40
    assert {sampler["fresh"] for sampler in stale["samplers"]} == {False}


async def test_hosts_are_filtered_and_paged(api: Api) -> None:
    async def names(**parameters: object) -> list[str]:
        return [host["host"] for host in (await api.get("/api/v1/hosts", **parameters))["hosts"]]

    assert await names(status="stale") == ["node2"]
    assert await names(label="rack=r1") == ["node1"]
    assert await names(label=["rack=r1", "cluster=other"]) == []
    assert await names(cluster="prod") == ["node1", "node2"]
    assert await names(cluster="null") == []
    first = await api.get("/api/v1/hosts", limit=1)
    assert [host["host"] for host in first["hosts"]] == ["node1"]
    second = await api.get("/api/v1/hosts", limit=1, after=first["after"])
    assert [host["host"] for host in second["hosts"]] == ["node2"]
    assert second["after"] is None


async def test_one_host(api: Api) -> None:
    host = await api.get("/api/v1/hosts/node1")
    assert host["host"] == "node1"
    assert host["samplers"][0]["interval_seconds"] == 1


@pytest.mark.parametrize(
    "path", ["/api/v1/hosts/node9", *(f"/api/v1/{what}?host=node9" for what in ("values", "series", "metrics"))]
)
async def test_an_unknown_host_is_404_with_a_remedy(api: Api, path: str) -> None:
    problem = await api.problem(path)
    assert problem["status"] == 404
    assert "'node9'" in problem["detail"]
    assert "/api/v1/hosts" in problem["remedy"]


async def test_values_carry_quality_and_no_number_that_is_not_current(api: Api) -> None:
    async def value(metric: str, **labels: str) -> tuple[object, str]:
        label = [f"{name}={content}" for name, content in labels.items()]
        (row,) = (await api.get("/api/v1/values", host="node1", metric=f"fabricscope_{metric}", label=label))["values"]
        return row["value"], row["quality"]

    assert await value("infiniband_port_up", device="mlx5_0") == (1, "ok")
    assert await value("infiniband_port_symbol_errors_total", device="mlx5_1") == (65535, "saturated")
    assert await value("infiniband_port_vl15_dropped_packets_total", device="mlx5_0") == (None, "unreadable")
    assert await value("ethernet_receive_bytes_total", device="eno1") == ((1 << 62) + 60 * 3_100_000, "ok")
    api.fabric.report_all("node1", 60, broken=True)
    assert await value("infiniband_port_rate_bytes_per_second", device="mlx5_1") == (None, "stale")


async def test_values_of_a_silent_host_are_withdrawn(api: Api) -> None:
    assert (await api.get("/api/v1/values", host="node2"))["values"] == []


async def test_series_are_filtered_and_paged_in_order(api: Api) -> None:
    everything = (await api.get("/api/v1/series", host="node1"))["series"]
    keys = [(row["metric"], row["sampler"], tuple(row["labels"].values())) for row in everything]
    assert keys == sorted(keys)
    assert len(keys) == (await api.get("/api/v1/hosts/node1"))["series"]
    paged, token = [], None
    while True:
        page = await api.get("/api/v1/series", host="node1", limit=7, **({"after": token} if token else {}))
        assert len(page["series"]) <= 7
        paged += page["series"]
        if (token := page["after"]) is None:
            break
    assert paged == everything
    pcie = (await api.get("/api/v1/series", host="node1", metric="fabricscope_pcie_*"))["series"]
    assert pcie == (await api.get("/api/v1/series", host="node1", sampler="pcie"))["series"] != []
    assert (await api.get("/api/v1/series", host="node1", metric="fabricscope_pcie_"))["series"] == []


async def test_metrics_are_explained_and_counted(api: Api) -> None:
    listed = {row["metric"]: row for row in (await api.get("/api/v1/metrics"))["metrics"]}
    moved = listed["fabricscope_infiniband_port_receive_bytes_total"]
    assert (moved["kind"], moved["unit"], moved["help"]) == ("counter", "bytes", "Bytes received.")
    assert (moved["labels"], moved["hosts"], moved["series"]) == (["device", "port"], 1, 2)
    assert (await api.get("/api/v1/metrics", host="node2"))["metrics"] == []


async def test_events_are_paged(api: Api) -> None:
    first = await api.get("/api/v1/events", limit=2)
    assert [event["host"] for event in first["events"]] == ["node2", "node1"]
    assert first["events"][0]["id"] == "node2/epoch-a/3/0"
    assert first["events"][0]["time"] == "2026-11-22T22:53:23.000000000Z"
    assert first["events"][0]["severity"] == "warning"
    rest = await api.get("/api/v1/events", limit=2, after=first["after"])
    assert [event["id"] for event in rest["events"]] == ["node1/epoch-a/1/0"]
    assert rest["after"] is None


async def test_every_event_filter_reaches_the_store(api: Api) -> None:
    await api.get(
        "/api/v1/events",
        since="2026-11-22T22:53:20.5Z",
        until="1795388001.25",
        cluster="prod",
        host="node1",
        kind="ethernet",
        severity="critical",
        subject=["device=a=b", "port="],
        text="50%",
    )
    assert api.fabric.rows.asked == [
        EventFilter(
            since_unix_ns=START.wall + SECOND // 2,
            until_unix_ns=START.wall + SECOND * 5 // 4,
            cluster="prod",
            host="node1",
            kind="ethernet",
            min_severity=Severity.CRITICAL,
            subject=(("device", "a=b"), ("port", "")),
            text="50%",
        )
    ]


async def test_without_the_store_events_are_unavailable_and_values_are_not(api: Api) -> None:
    api.fabric.rows.failure = StoreUnavailableError("store https://db: no answer: Connection refused")
    for path in ("/api/v1/events", "/readyz"):
        problem = await api.problem(path)
        assert problem["status"] == 503
        assert "Connection refused" in problem["detail"]
    assert (await api.get("/api/v1/status"))["store"] == "store https://db: no answer: Connection refused"
    assert (await api.get("/healthz")) == {"status": "ok"}
    assert (await api.get("/api/v1/values", host="node1"))["values"]


async def test_status_counts(api: Api) -> None:
    status = await api.get("/api/v1/status")
    assert (status["hosts"], status["live"], status["stale"], status["store"]) == (2, 1, 1, "ok")
    assert status["probe_address"] == "127.0.0.1:7450"
    assert await api.get("/readyz") == {"status": "ready"}
    api.fabric.now = after(7200)
    assert (await api.get("/api/v1/status"))["stale"] == 2
