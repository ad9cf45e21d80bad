"""A real Prometheus scrapes real probes and a real collector: every panel's query answers with data.

Two hosts with fake /sys trees: n1 has eight adapters, some of which break while it is watched, and n2 has trees that
cannot be read. A third host, n3, is heard once and never again. What no test machine has is made up on n4
(made_up.py), so that every panel of the host page has an answer on n1 or on n4.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from fabricscope import plugins
from probes.health.language.rule_files import shipped as shipped_rules
from tests.end_to_end.daemons import Fabric, eventually, fabric, free_port
from tests.fixtures.infiniband import write_host
from tests.fixtures.pci_tree import GPU_ADDRESS, PciTree, aer, gpu_node
from tests.grafana import made_up, shipped
from tests.grafana.stray_probe import StrayProbe
from tools import verdict_alerts

pytestmark = [
    pytest.mark.needs_program("prometheus", package="prometheus"),
    # Prometheus, a collector and two probes: alone on its worker, and with time enough on a loaded machine.
    pytest.mark.xdist_group("daemons"),
    pytest.mark.timeout(180),
]

JOBS = ("fabricscope-collector", "fabricscope-probe")

EMPTY_WHEN_WELL = {
    "fabricscope_collector_tls_handshakes_refused_total": "speaks plain text here; tests/end_to_end counts them",
    "fabricscope_collector_store_failures_total": "the embedded store does not fail",
    "fabricscope_collector_store_rows_refused_total": "the embedded store takes every event",
}
"""Metrics whose queries may answer with nothing, and why: they count only what goes wrong elsewhere."""

ALERTS = {
    ("FabricscopePortDown", "mlx5_1"),
    ("FabricscopePortSlow", "mlx5_2"),
    ("FabricscopePortErrors", "mlx5_6"),
    ("FabricscopePortFlapping", "mlx5_6"),
    ("FabricscopeRdmaRetriesExceeded", "mlx5_6"),
    ("FabricscopeCounterSaturated", "mlx5_4"),
    ("FabricscopePcieLinkNarrow", GPU_ADDRESS),
    ("FabricscopePcieCorrectableErrors", GPU_ADDRESS),
    ("FabricscopeSamplerFailing", "pcie"),
    ("FabricscopeHostSilent", "n3"),
    ("FabricscopeSpoolDropping", "n1"),
    ("FabricscopeProbesRefused", "hello"),
}
"""What the trouble here must come to, by alert and by what it names."""

JOINED = {
    "How does each AMD GPU do?",
    "How does each GPU do?",
    "How does each NVLink do?",
    "How does each PCIe link do?",
    "How does memory behind CXL do?",
    "What is plugged in?",
    "Which PCIe links are degraded, and between what?",
}
"""Tables of the host page that join a value with what the thing is."""

WIDTHS = {"link_downed": 8, "link_error_recovery": 8, "local_link_integrity_errors": 4}
"""Bits of the counters that would otherwise soon be more than the device can count; the others have 16 or more."""


class TroubledHost:
    """A fake /sys with eight adapters, and PCIe devices, that is fine at first."""

    def __init__(self, sys: Path) -> None:
        self.sys = sys
        write_host(sys)
        self.pci: PciTree = gpu_node(sys)
        speed = sys / "class" / "net" / "lo" / "speed"
        speed.parent.mkdir(parents=True)
        speed.write_text("100000\n")
        self._put(self._port("mlx5_4") / "counters" / "link_downed", "255")
        self._errors = 0

    def break_links(self) -> None:
        """One port goes down, one comes back at half its rate, and the GPU loses half its lanes."""
        self._put(self._port("mlx5_1") / "state", "1: DOWN")
        self._put(self._port("mlx5_2") / "rate", "200 Gb/sec (4X HDR)")
        self.pci.set_link(GPU_ADDRESS, "16.0 GT/s PCIe", 8)

    def move(self) -> None:
        """Every counter of the RoCE adapter mlx5_6 goes on, the errors of the GPU too."""
        for directory in ("counters", "hw_counters"):
            for path in (self._port("mlx5_6") / directory).iterdir():
                ceiling = (1 << WIDTHS.get(path.name, 16)) - 1
                value = int(path.read_text())
                if path.name != "lifespan" and (value < ceiling or value >= 1 << 16):
                    self._put(path, str(value + 1 + (value >> 40)))
        self._errors += 1
        for severity, error in (("correctable", "BadTLP"), ("nonfatal", "CmpltTO")):
            self.pci.write(GPU_ADDRESS, f"aer_dev_{severity}", aer(severity, **{error: self._errors}))

    def _port(self, device: str) -> Path:
        return self.sys / "class" / "infiniband" / device / "ports" / "1"

    def _put(self, path: Path, text: str) -> None:
        """Write over what is there, which the kernel does at once: a probe never reads half of it."""
        descriptor = os.open(path, os.O_WRONLY)
        os.pwrite(descriptor, text.encode() + b"\n", 0)
        os.ftruncate(descriptor, len(text) + 1)
        os.close(descriptor)


class Prometheus:
    """A Prometheus with the shipped rules, that need not wait before they fire."""

    def __init__(self, folder: Path, targets: dict[str, list[str]]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        # A client for each of so many questions would take most of the test's time.
        self._client = httpx.Client(base_url=f"{self.url}/api/v1/", trust_env=False)
        self._folder = folder
        self._write_configuration(targets)

    def _write_configuration(self, targets: dict[str, list[str]]) -> None:
        for path in shipped.RULE_FILES:
            document = yaml.safe_load(path.read_text("utf-8"))
            for group in document["groups"]:
                group.pop("interval", None)
                for rule in group["rules"]:
                    rule.pop("for", None)
            (self._folder / path.name).write_text(yaml.safe_dump(document), "utf-8")
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [path.name for path in shipped.RULE_FILES],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": addresses}]} for job, addresses in targets.items()
            ],
        }
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), "utf-8")

    @contextmanager
    def running(self) -> Iterator[None]:
        arguments = [
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--log.level=warn",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(["prometheus", *arguments], stdout=log, stderr=log)
        try:
            eventually(lambda: httpx.get(f"{self.url}/-/ready").status_code == 200, "Prometheus is ready")
            yield
        finally:
            self._client.close()
            process.kill()
            process.wait(timeout=10)
            print((self._folder / "prometheus.log").read_text("utf-8", "replace"))

    def ask(self, path: str, **parameters: Any) -> Any:
        """The data of an answer of the HTTP API; AssertionError with the reason when there is none."""
        answer = self._client.get(path, params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        return answer["data"]

    def answers(self, expr: str, *, instant: bool) -> bool:
        """Whether a panel's query gives anything, asked as the panel does: now, or over the last minute."""
        now = time.time()
        if instant:
            return bool(self.ask("query", query=expr, time=now)["result"])
        return bool(self.ask("query_range", query=expr, start=now - 60, end=now, step=1)["result"])


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Callable[[], None]]]:
    """Prometheus over a fabric that has been through everything, and what keeps its counters moving."""
    folder = tmp_path_factory.mktemp("live")
    host = TroubledHost(folder / "n1" / "sys")
    broken = folder / "n2" / "sys" / "bus" / "pci"
    broken.mkdir(parents=True)
    (broken / "devices").symlink_to("devices")  # a loop, which cannot be listed
    with fabric(folder) as made:
        probes = {name: f"127.0.0.1:{free_port()}" for name in ("n1", "n2", "n4")}
        prometheus = Prometheus(folder, {JOBS[0]: [f"127.0.0.1:{made.http_port}"], JOBS[1]: list(probes.values())})
        for name in ("n1", "n2"):
            start_probe(made, name, folder / name / "sys", probes[name])
        start_made_up_probe(made, folder / "n4", probes["n4"])
        with prometheus.running():
            eventually(lambda: dropped(made, probes["n1"]), "what waits for the collector for too long is dropped")
            made.collector(**{"collector.state.stale_after_seconds": 2, "collector.grpc.ack_seconds": 0.1})
            eventually(lambda: made.get("/api/v1/hosts")["hosts"], "the collector hears a probe")
            StrayProbe(made.grpc_port, "n3").misbehave()
            remembered = 'count(port:fabricscope_port_speed_bytes_per_second:max1d{device="mlx5_2"}) == 2'
            eventually(lambda: prometheus.answers(remembered, instant=True), "both jobs know what ports were like")
            host.break_links()

            def move() -> None:
                host.move()
                httpx.get(f"http://127.0.0.1:{made.http_port}/nowhere")

            yield prometheus, move


def start_probe(made: Fabric, name: str, sys: Path, address: str) -> None:
    settings = {
        **kept_in(sys.parent),
        "probe.labels": "{cluster: alpha}",
        "probe.http.listen": address,
        # Nobody listens at the first.
        "probe.collectors": f"['127.0.0.1:{free_port()}', '127.0.0.1:{made.grpc_port}']",
        "probe.spool.max_age_seconds": 1,
        "probe.samplers.ethernet.enabled": "true",
        "probe.samplers.ethernet.include": "[lo]",
        "probe.samplers.pcie.interval_seconds": 1,
    }
    made.probe(name, sys, **settings)


def start_made_up_probe(made: Fabric, folder: Path, address: str) -> None:
    """A probe with the sampler of made_up.py alone."""
    made_up.install(folder / "packages")
    others = [name for name in plugins.found(plugins.SAMPLERS) if name != made_up.NAME]
    settings = {
        **kept_in(folder),
        "probe.labels": "{cluster: alpha}",
        "probe.http.listen": address,
        # Its verdicts are made up, too.
        "probe.health.enabled": "false",
        **{f"probe.samplers.{name}.enabled": "false" for name in others},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder / 'packages'}:{shipped.ROOT}")
        made.probe("n4", folder / "sys", **settings)


def kept_in(folder: Path) -> dict[str, Any]:
    """Settings of where a probe keeps what it keeps."""
    return {"probe.health.state": folder / "health.json", "probe.recorder.directory": folder}


def dropped(made: Fabric, address: str) -> bool:
    return bool(made.metrics("fabricscope_probe_spool_dropped_total", int(address.rpartition(":")[2])))


@pytest.mark.parametrize("job", JOBS)
def test_every_panel_answers_with_data(troubled: tuple[Prometheus, Callable[[], None]], job: str) -> None:
    prometheus, move = troubled
    unanswered = [
        query
        for query in shipped.panel_queries()
        if not EMPTY_WHEN_WELL.keys() & {selector.metric for selector in shipped.selectors(query_text(query))}
    ]

    def is_answered(query: shipped.PanelQuery) -> bool:
        """Whether there is anything on n1, which has its values from real samplers, or else on n4."""
        for host in ("n1", "n4"):
            values = {"job": job, "cluster": "alpha", "host": host, "__rate_interval": "10s", "__range": "1m"}
            if prometheus.answers(shipped.substitute(query.expr, values), instant=query.instant):
                return True
        return False

    def all_answered() -> bool:
        move()
        unanswered[:] = [query for query in unanswered if not is_answered(query)]
        return not unanswered

    try:
        eventually(all_answered, "every panel has data")
    except AssertionError:
        pytest.fail("no data for\n" + "\n".join(map(str, unanswered)))


def query_text(query: shipped.PanelQuery) -> str:
    return shipped.substitute(query.expr, shipped.SAMPLE_VALUES)


def test_tables_say_what_and_where_a_thing_is(troubled: tuple[Prometheus, Callable[[], None]]) -> None:
    """A join that finds nothing gives the value alone, which is an answer as well."""
    prometheus, _ = troubled
    checked = set()
    for panel in shipped.panels(shipped.dashboard(shipped.GRAFANA / "json" / "host.json")):
        (keep,) = [part for part in panel.get("transformations", ()) if part["id"] == "filterFieldsByName"] or [None]
        if keep is None or panel["title"] not in JOINED:
            continue
        labels = {name for name in keep["options"]["include"]["names"] if not name.startswith("Value")}
        for target in panel["targets"]:
            values = {"job": JOBS[1], "cluster": "alpha", "host": "n4", "__rate_interval": "10s", "__range": "1m"}
            rows = prometheus.ask("query", query=shipped.substitute(target["expr"], values))["result"]
            assert rows, panel["title"]
            assert all(set(row["metric"]) >= labels for row in rows), f"{panel['title']}: {rows[0]['metric']}"
        checked.add(panel["title"])
    assert checked == JOINED


def test_queries_that_may_be_empty_can_be_asked(troubled: tuple[Prometheus, Callable[[], None]]) -> None:
    prometheus, _ = troubled
    values = {"job": JOBS[0], "cluster": "alpha", "host": "n1", "__rate_interval": "10s", "__range": "1m"}
    excused = set()
    for query in shipped.panel_queries():
        excused |= EMPTY_WHEN_WELL.keys() & {selector.metric for selector in shipped.selectors(query_text(query))}
        prometheus.answers(shipped.substitute(query.expr, values), instant=query.instant)
    assert excused == set(EMPTY_WHEN_WELL), "an excuse for a query that is no longer there"


def test_variables_offer_what_there_is(troubled: tuple[Prometheus, Callable[[], None]]) -> None:
    prometheus, _ = troubled
    offered: dict[str, set[str]] = {}
    for path in shipped.DASHBOARDS:
        for variable in shipped.dashboard(path)["templating"]["list"]:
            if variable["type"] == "query":
                query = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
                selector, _, label = query.rpartition(", ")
                selector = shipped.substitute(selector, {"cluster": "alpha"})
                found = prometheus.ask(f"label/{quote(label)}/values", **{"match[]": selector})
                offered.setdefault(variable["name"], set()).update(found)
    assert offered["job"] == set(JOBS)
    assert "alpha" in offered["cluster"]
    # Those that are silent can be looked at, too.
    assert offered["host"] == {"n1", "n2", "n3", "n4"}


def test_alerts_name_what_is_wrong(troubled: tuple[Prometheus, Callable[[], None]]) -> None:
    prometheus, move = troubled

    def firing() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = prometheus.ask("alerts")["alerts"]
        return found

    def all_fire() -> bool:
        move()
        named = {(alert["labels"]["alertname"], value) for alert in firing() for value in alert["labels"].values()}
        return named >= ALERTS

    eventually(all_fire, "the alerts for what was broken fire")
    for alert in firing():
        for text in alert["annotations"].values():
            assert "<no value>" not in text, alert
            assert "error expanding" not in text, alert


def test_every_verdict_alerts_unless_it_is_for_information(
    troubled: tuple[Prometheus, Callable[[], None]],
) -> None:
    prometheus, _ = troubled
    wanted = {
        (verdict_alerts.alert_name(rule), rule.severity, "n4") for rule in shipped_rules() if rule.severity != "info"
    }

    def firing() -> set[tuple[str, str, str]]:
        labels = [alert["labels"] for alert in prometheus.ask("alerts")["alerts"]]
        return {
            (each["alertname"], each["severity"], each["host"])
            for each in labels
            if shipped.is_verdict(each["alertname"]) and each["host"] == "n4"
        }

    eventually(lambda: firing() == wanted, "the verdicts of n4 alert, and nothing else does")


def test_no_rule_fails(troubled: tuple[Prometheus, Callable[[], None]]) -> None:
    prometheus, _ = troubled
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(shipped.rules())
    assert [rule for rule in rules if rule.get("lastError")] == []
