from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from fabricscope.model import Now
from probes.sources.redfish import client
from probes.sources.redfish.client import Account, Bmc
from probes.sources.redfish.walk import BmcError, Bounds, Expired, Refused, Walked
from tests.fixtures.bmc import PASSWORD, SESSIONS, USER, FakeBmc, Handler

SECOND = 1_000_000_000
BUDGET = 30 * SECOND
BOUNDS = Bounds(max_resources=1000)


class Time:
    def __init__(self) -> None:
        self.mono = 1000 * SECOND

    def __call__(self) -> Now:
        return Now(self.mono, self.mono)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def fake() -> Iterator[FakeBmc]:
    with FakeBmc().serving() as it:
        yield it


def account(fake: FakeBmc, password: Path, **changes: Any) -> Account:
    return Account(fake.url, USER, str(password), verify=False, timeout_seconds=60.0)._replace(**changes)


@pytest.fixture
def bmc(fake: FakeBmc, password: Path) -> Iterator[Bmc]:
    it = Bmc(account(fake, password), Time())
    yield it
    it.close()


def walked(bmc: Bmc) -> Walked:
    return bmc.visit(BOUNDS, BUDGET)


def test_one_session_for_many_walks_and_a_logout(fake: FakeBmc, bmc: Bmc) -> None:
    assert walked(bmc).facts == walked(bmc).facts
    assert fake.logins == len(fake.sessions) == 1
    bmc.close()
    assert fake.sessions == set()
    assert fake.asked[-1] == f"DELETE {SESSIONS}/key1"
    bmc.close()


def test_basic_authentication(fake: FakeBmc, password: Path) -> None:
    bmc = Bmc(account(fake, password, session=False), Time())
    assert walked(bmc).facts
    bmc.close()
    assert fake.logins == 0
    assert not [line for line in fake.asked if line.startswith(("POST", "DELETE"))]


def test_a_session_that_has_ended_is_made_anew_once(fake: FakeBmc, bmc: Bmc) -> None:
    before = walked(bmc)
    fake.sessions.clear()
    assert walked(bmc).facts == before.facts
    assert fake.logins == 2
    fake.trick("Chassis", lambda handler: handler.reply({}, 401))
    fake.sessions.clear()
    with pytest.raises(Refused, match=r"/redfish/v1/Chassis: HTTP 401: user 'monitor' may not read it"):
        walked(bmc)
    assert fake.logins == 3


def test_a_refused_password_is_not_tried_again_soon(fake: FakeBmc, password: Path) -> None:
    now = Time()
    bmc = Bmc(account(fake, password), now)
    fake.password = "another"
    with pytest.raises(Refused, match=r"refused the password of 'monitor' \(HTTP 401\)"):
        walked(bmc)

    def attempts() -> int:
        return len([line for line in fake.asked if line.startswith("POST")])

    assert attempts() == 1
    now.mono += client.RETRY_LOGIN_NS - 1
    with pytest.raises(Refused, match=r"15 minutes after that, or when .*password changes"):
        walked(bmc)
    assert attempts() == 1
    now.mono += 1
    with pytest.raises(Refused):
        walked(bmc)
    assert attempts() == 2
    password.write_text("another")
    assert walked(bmc).facts
    bmc.close()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("", 0o600, "is empty or longer"),
        ("x" * 5000, 0o600, "is empty or longer"),
        (PASSWORD, 0o644, "has mode 0644"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_password_file_that_is_of_no_use(
    fake: FakeBmc, bmc: Bmc, password: Path, content: str | None, mode: int, said: str
) -> None:
    password.unlink()
    if content is not None:
        password.write_text(content)
        password.chmod(mode)
    with pytest.raises(BmcError, match=f"password file .*{said}"):
        walked(bmc)
    assert fake.asked == []


def test_collections_are_had_in_one_piece_where_the_bmc_can(fake: FakeBmc, bmc: Bmc) -> None:
    plain = walked(bmc)
    bmc.close()
    query = {"NoLinks": True, "Levels": True, "MaxLevels": 6}
    fake.at("")["ProtocolFeaturesSupported"] = {"ExpandQuery": query}
    fake.expands = True
    fake.asked.clear()
    expanded = walked(bmc)
    assert expanded.facts == plain.facts
    assert "GET /redfish/v1/Chassis/Tray_0/Sensors?$expand=.($levels=1)" in fake.asked
    assert "GET /redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_0/Ports?$expand=.($levels=2)" in fake.asked
    assert expanded.requests < plain.requests / 1.5


def test_a_bmc_that_promises_to_expand_and_cannot_is_asked_plainly(fake: FakeBmc, bmc: Bmc) -> None:
    fake.at("")["ProtocolFeaturesSupported"] = {"ExpandQuery": {"NoLinks": True, "Levels": True}}
    first = walked(bmc)
    assert first.failed == {}
    assert "GET /redfish/v1/Chassis?$expand=.($levels=1)" in fake.asked
    fake.asked.clear()
    assert walked(bmc).facts == first.facts
    assert not [line for line in fake.asked if "$expand" in line]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html><body>Log in</body></html>", "is no JSON"),
        (b"", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no service root: list, not an object"),
        (b"null", "is no service root"),
    ],
)
def test_a_root_that_is_none(fake: FakeBmc, bmc: Bmc, body: bytes, said: str) -> None:
    fake.trick("", lambda handler: handler.reply(body))
    with pytest.raises(BmcError, match=said):
        walked(bmc)


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"<html>500</html>", "is no JSON"), (b"[" * 100_000, "is no JSON"), (b'{"a": 1' + b"0" * 5000, "is no JSON")],
)
def test_a_document_that_is_none_leaves_the_rest(fake: FakeBmc, bmc: Bmc, body: bytes, said: str) -> None:
    fake.trick("Chassis/Tray_0/Sensors/Inlet", lambda handler: handler.reply(body))
    result = walked(bmc)
    assert list(result.failed) == ["/redfish/v1/Chassis/Tray_0/Sensors/Inlet"]
    assert said in result.failed["/redfish/v1/Chassis/Tray_0/Sensors/Inlet"]
    assert "/redfish/v1/Chassis/Tray_0/Sensors/Mains" in result.facts


def test_a_huge_document_leaves_the_rest(fake: FakeBmc, password: Path) -> None:
    fake.trick("Chassis/Tray_0/Sensors/Inlet", lambda handler: handler.reply(b" " * 20_000))
    bmc = Bmc(account(fake, password, max_body_bytes=10_000), Time())
    result = walked(bmc)
    bmc.close()
    assert "max_body_bytes (10000)" in result.failed["/redfish/v1/Chassis/Tray_0/Sensors/Inlet"]
    assert "/redfish/v1/Chassis/Tray_0/Sensors/Mains" in result.facts


def test_a_walk_reads_so_much_and_no_more(fake: FakeBmc, password: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BODIES", 1)
    bmc = Bmc(account(fake, password, max_body_bytes=20_000), Time())
    assert walked(bmc).left_out == 0
    fake.trick("Chassis/Tray_0/Sensors/Inlet", lambda handler: handler.reply(b" " * 19_000 + b"{}"))
    result = walked(bmc)
    assert result.facts
    assert result.left_out > 0
    assert all("has read 1 times max_body_bytes" in why for why in result.failed.values())
    fake.tricks.clear()
    assert walked(bmc).left_out == 0
    bmc.close()


@pytest.mark.parametrize(("status", "failed"), [(404, 0), (405, 0), (403, 1), (500, 1), (503, 1)])
def test_statuses_of_one_document(fake: FakeBmc, bmc: Bmc, status: int, failed: int) -> None:
    fake.trick("Chassis/Tray_0/Sensors/Inlet", lambda handler: handler.reply({}, status))
    assert len(walked(bmc).failed) == failed


def test_a_root_that_is_not_open_to_all_is_no_obstacle(fake: FakeBmc, bmc: Bmc) -> None:
    def shut(handler: Handler) -> None:
        let_in = handler.headers.get("X-Auth-Token") in fake.sessions
        handler.reply(fake.at("") if let_in else {}, 200 if let_in else 401)

    fake.trick("", shut)
    assert walked(bmc).facts


def test_a_host_without_redfish(fake: FakeBmc, bmc: Bmc) -> None:
    fake.trick("", lambda handler: handler.reply(b"nginx", 404))
    with pytest.raises(BmcError, match=r"HTTP 404; is this a BMC with Redfish\?"):
        walked(bmc)


def test_logging_out_deletes_nothing_but_a_session(fake: FakeBmc, bmc: Bmc) -> None:
    fake.location = "/redfish/v1/AccountService/Accounts/admin"
    walked(bmc)
    bmc.close()
    assert [line for line in fake.asked if line.startswith("DELETE")] == [f"DELETE {SESSIONS}/unknown"]


def test_sessions_are_made_where_the_root_says_and_nowhere_else(fake: FakeBmc, bmc: Bmc) -> None:
    fake.at("")["Links"]["Sessions"]["@odata.id"] = "https://evil.example/steal"
    assert walked(bmc).facts
    assert f"POST {SESSIONS}" in fake.asked


def test_a_session_without_a_key(fake: FakeBmc, bmc: Bmc, monkeypatch: pytest.MonkeyPatch) -> None:
    def post(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers["content-length"]))
        handler.reply({}, 201, Location=f"{SESSIONS}/1")

    monkeypatch.setattr(Handler, "do_POST", post)
    with pytest.raises(BmcError, match="made a session without a key"):
        walked(bmc)


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_login_that_fails_otherwise_says_so(
    fake: FakeBmc, bmc: Bmc, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def post(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers["content-length"]))
        handler.reply({"error": {"message": "too many sessions"}}, status)

    monkeypatch.setattr(Handler, "do_POST", post)
    with pytest.raises(BmcError, match="too many sessions"):
        walked(bmc)


def test_a_bmc_that_is_not_there(password: Path) -> None:
    fake = FakeBmc()
    with fake.serving():
        pass
    with pytest.raises(BmcError, match=f"{fake.url}: .*refused"):
        walked(Bmc(account(fake, password), Time()))


def test_a_bmc_that_hangs_costs_a_timeout_for_that_document(fake: FakeBmc, password: Path) -> None:
    def hang(handler: Handler) -> None:
        handler.bmc.released.wait()
        handler.close_connection = True

    fake.trick("Chassis/Tray_0/Sensors/Inlet", hang)
    bmc = Bmc(account(fake, password, timeout_seconds=0.5), Time())
    result = walked(bmc)
    assert "timed out" in result.failed["/redfish/v1/Chassis/Tray_0/Sensors/Inlet"]
    assert "/redfish/v1/Chassis/Tray_0/Sensors/Inlet" not in result.facts
    assert result.facts
    bmc.close()


def test_a_walk_ends_when_its_time_is_up(fake: FakeBmc, password: Path) -> None:
    now = Time()
    bmc = Bmc(account(fake, password), now)

    def slow(handler: Handler) -> None:
        now.mono += BUDGET
        handler.reply(fake.at("Chassis/Tray_0"))

    fake.trick("Chassis/Tray_0", slow)
    result = walked(bmc)
    assert result.left_out > 0
    assert all("no time" in why for why in result.failed.values())
    fake.trick("", slow)
    with pytest.raises(Expired):
        walked(bmc)
    bmc.close()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_of_the_environment_gets_between(
    fake: FakeBmc, bmc: Bmc, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert walked(bmc).facts


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FakeBmc]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with FakeBmc().serving(context, "localhost") as it:
        yield it


def test_tls_with_the_authority(secure: FakeBmc, authority: trustme.CA, password: Path, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    bmc = Bmc(account(secure, password, verify=True, ca_file=str(tmp_path / "ca.pem")), Time())
    assert walked(bmc).facts
    bmc.close()
    assert secure.sessions == set()


def test_tls_without_the_authority_is_refused_with_the_remedy(secure: FakeBmc, password: Path) -> None:
    with pytest.raises(BmcError, match=r"CERTIFICATE_VERIFY_FAILED.*set `ca_file`"):
        walked(Bmc(account(secure, password, verify=True), Time()))
    assert secure.asked == []


def test_tls_on_a_host_without_authorities_is_refused_and_not_left_unchecked(
    secure: FakeBmc, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None, capath=None))
    with pytest.raises(BmcError, match=r"no certificate authorities .*set `ca_file`"):
        walked(Bmc(account(secure, password, verify=True), Time()))
    assert secure.asked == []


def test_tls_with_another_name_is_refused(authority: trustme.CA, password: Path, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("bmc.example").configure_cert(context)
    with FakeBmc().serving(context, "localhost") as fake, pytest.raises(BmcError, match=r"hostname|match"):
        walked(Bmc(account(fake, password, verify=True, ca_file=str(tmp_path / "ca.pem")), Time()))


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_tls_unverified_when_that_is_meant(secure: FakeBmc, password: Path) -> None:
    bmc = Bmc(account(secure, password, verify=False), Time())
    assert walked(bmc).facts
    bmc.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "bmc.example"}, "has to be https://HOST"),
        ({"url": "ftp://bmc"}, "has to be https://HOST"),
        ({"url": "https://bmc/redfish/v1"}, "has to be https://HOST"),
        ({"url": "https://bmc?x"}, "has to be https://HOST"),
        ({"url": "https://user:secret@bmc"}, "has a user in it"),
        ({"url": "http://bmc", "verify": True}, "`verify: false`"),
        ({"username": ""}, "have to be set, too"),
        ({"password_file": ""}, "have to be set, too"),
        ({}, None),
    ],
)
def test_accounts_that_cannot_work_say_why(changes: dict[str, Any], said: str | None) -> None:
    wrong = client.unusable(Account("https://bmc", "monitor", "/run/password")._replace(**changes))
    assert (wrong is None) if said is None else (said in (wrong or ""))
    assert "secret" not in (wrong or "")


def test_a_library_that_is_missing_is_named_with_the_remedy(
    fake: FakeBmc, bmc: Bmc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "find_spec", lambda _name: None)
    with pytest.raises(BmcError, match=r"redfish is not installed; .*pip install 'fabricscope\[redfish\]'"):
        walked(bmc)
