"""Who may report for whom, with real daemons: refusals are counted, certificates renewed without a restart."""

from __future__ import annotations

from pathlib import Path

import trustme

from tests.certificates import LONG_AGO, CertificateFiles
from tests.end_to_end.daemons import Fabric, eventually, fabric
from tests.fixtures.infiniband import write_host

HANDSHAKES = "fabricscope_collector_tls_handshakes_refused_total"
HELLOS = "fabricscope_collector_hellos_refused_total"


def live(made: Fabric) -> set[str]:
    return {dict(key)["host"] for key, value in made.metrics("fabricscope_host_up").items() if value == 1}


def refused(made: Fabric, metric: str) -> set[str]:
    """The reasons that were counted at least once."""
    return {dict(key)["reason"] for key, count in made.metrics(metric).items() if count}


def test_a_probe_speaks_for_its_own_host_alone(tmp_path: Path) -> None:
    authority = trustme.CA()
    write_host(tmp_path / "sys")
    server = CertificateFiles(tmp_path / "server", authority)
    server.put(authority.issue_cert("localhost"))
    with fabric(tmp_path) as made:
        made.collector(**server.settings("collector.grpc.tls"))
        eventually(lambda: made.get("/api/v1/hosts"), "the collector answers")
        files = {}
        for host, leaf in {
            "good": authority.issue_cert("good"),
            "liar": authority.issue_cert("somebody-else"),
            "expired": authority.issue_cert("expired", **LONG_AGO),
            "stranger": trustme.CA().issue_cert("stranger"),
        }.items():
            files[host] = CertificateFiles(tmp_path / "tls" / host, authority)
            files[host].put(leaf)
            collectors = {"probe.collectors": f"['localhost:{made.grpc_port}']"}
            made.probe(host, tmp_path / "sys", **files[host].settings("probe.tls"), **collectors)
        eventually(lambda: refused(made, HANDSHAKES) >= {"expired", "unknown_authority"}, "handshakes are counted")
        eventually(lambda: refused(made, HELLOS) == {"identity"}, "the liar is counted")
        eventually(lambda: live(made) == {"good"}, "only the good one is heard")
        liar = next(daemon for daemon in made.daemons if "liar" in str(daemon.log))
        eventually(lambda: "the probe calls itself 'liar'" in liar.output, "the liar is told why")

        files["expired"].put(authority.issue_cert("expired"))
        files["liar"].put(authority.issue_cert("liar"))
        eventually(lambda: live(made) == {"good", "expired", "liar"}, "renewed certificates are taken up")


def test_plain_text_beyond_loopback_is_refused_at_the_start(tmp_path: Path) -> None:
    with fabric(tmp_path) as made:
        collector = made.collector(**{"collector.grpc.listen": ":0"})
        assert collector.process is not None
        assert collector.process.wait(timeout=30) == 2
        assert "plaintext: true" in collector.output
        probe = made.probe("n1", tmp_path, **{"probe.collectors": "['collector.example:7450']"})
        assert probe.process is not None
        assert probe.process.wait(timeout=30) == 2
        assert "no TLS is set up" in probe.output
