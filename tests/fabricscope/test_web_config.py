import base64
import ssl
from pathlib import Path

import bcrypt
import httpx
import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fabricscope.http import RESPONSES, HttpServer, HttpSettings
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.web_config import HANDSHAKES_REFUSED, RELOADS, UNAUTHORIZED, WebConfig

RIGHT = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
NEW = bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users:\n  ann: {RIGHT}\n"
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/hello", hello)])


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


def replace(path: Path, text: str) -> None:
    """As a careful writer does: a new file in the old one's place."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def remove(path: Path) -> None:
    path.unlink()


def issue(directory: Path, authority: trustme.CA) -> None:
    """Put a certificate of the authority for the loopback address in place."""
    certificate = authority.issue_cert("127.0.0.1")
    replace(directory / "server.pem", certificate.cert_chain_pems[0].bytes().decode())
    replace(directory / "server.key", certificate.private_key_pem.bytes().decode())


def server_with(path: Path, tally: Tally) -> HttpServer:
    return HttpServer(APP, HttpSettings(listen="127.0.0.1:0", web_config=str(path)), "probe.http", tally)


async def get(server: HttpServer, trust: trustme.CA | None = None, **options: object) -> httpx.Response:
    """Ask over a connection of its own."""
    context = ssl.create_default_context()
    if trust is not None:
        trust.configure_trust(context)
    certificate = options.pop("certificate", None)
    if isinstance(certificate, trustme.LeafCert):
        certificate.configure_cert(context)
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        return await client.get(f"{server.url}/hello", **options)  # type: ignore[arg-type]  # whatever httpx takes


async def test_an_empty_file_changes_nothing(path: Path, tally: Tally) -> None:
    replace(path, "")
    async with server_with(path, tally) as server:
        assert server.url.startswith("http://")
        assert (await get(server)).text == "hello"


async def test_headers_are_put_on_every_answer(path: Path, tally: Tally) -> None:
    replace(path, f"{USERS}http_server_config:\n  http2: false\n  headers: {{X-Frame-Options: deny}}\n")
    async with server_with(path, tally) as server:
        for answer in (await get(server), await get(server, auth=("ann", "right"))):
            assert answer.headers["x-frame-options"] == "deny"
            assert "content-security-policy" not in answer.headers


async def test_nothing_is_shown_without_the_right_password(path: Path, tally: Tally) -> None:
    replace(path, USERS)
    async with server_with(path, tally) as server:
        assert (await get(server, auth=("ann", "right"))).text == "hello"
        for auth in (("ann", "wrong"), ("nobody", "right"), None):
            answer = await get(server, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert "hello" not in answer.text
    assert tally.get(UNAUTHORIZED, "wrong") == 2
    assert tally.get(UNAUTHORIZED, "missing") == 1
    assert (tally.get(RESPONSES, "200"), tally.get(RESPONSES, "401")) == (1, 3)


async def test_users_are_read_again_when_the_file_changes(path: Path, tally: Tally) -> None:
    replace(path, USERS)
    async with server_with(path, tally) as server:
        assert (await get(server, auth=("ann", "right"))).status_code == 200
        replace(path, USERS.replace(RIGHT, NEW))
        assert (await get(server, auth=("ann", "right"))).status_code == 401
        assert (await get(server, auth=("ann", "new"))).status_code == 200
    assert tally.get(RELOADS, "taken") == 1


@pytest.mark.parametrize("worse", ["", "{", "basic_auth_users: {ann: plain}", "unknown: 1", TLS + USERS])
async def test_a_change_for_the_worse_keeps_the_old_and_is_counted_once(path: Path, tally: Tally, worse: str) -> None:
    replace(path, USERS)
    issue(path.parent, trustme.CA())
    async with server_with(path, tally) as server:
        replace(path, worse)
        for _ in range(2):
            assert (await get(server, auth=("ann", "right"))).status_code == 200
            assert (await get(server)).status_code == 401
        remove(path)
        assert (await get(server)).status_code == 401
        replace(path, USERS.replace(RIGHT, NEW))
        assert (await get(server, auth=("ann", "new"))).status_code == 200
    assert (tally.get(RELOADS, "refused"), tally.get(RELOADS, "taken")) == (2, 1)


async def test_tls_with_a_certificate_that_is_renewed_while_it_runs(path: Path, tally: Tally) -> None:
    old, new = trustme.CA(), trustme.CA()
    replace(path, TLS)
    issue(path.parent, old)
    async with server_with(path, tally) as server:
        assert server.url.startswith("https://")
        assert (await get(server, old)).text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(server, new)
        issue(path.parent, new)
        assert (await get(server, new)).text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(server, old)
    assert tally.get(RELOADS, "taken") >= 1


async def test_half_a_renewal_keeps_the_old_certificate(path: Path, tally: Tally) -> None:
    old, new = trustme.CA(), trustme.CA()
    replace(path, TLS)
    issue(path.parent, old)
    certificate = new.issue_cert("127.0.0.1")
    async with server_with(path, tally) as server:
        replace(path.parent / "server.pem", certificate.cert_chain_pems[0].bytes().decode())
        assert (await get(server, old)).text == "hello"
        assert tally.get(RELOADS, "refused") == 1
        replace(path.parent / "server.key", certificate.private_key_pem.bytes().decode())
        assert (await get(server, new)).text == "hello"


async def test_a_client_needs_a_certificate_of_the_authority_of_the_time(path: Path, tally: Tally) -> None:
    ours, first, second = trustme.CA(), trustme.CA(), trustme.CA()
    issue(path.parent, ours)
    authorities = path.parent / "clients.pem"
    first.cert_pem.write_to_path(authorities)
    replace(path, f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n")
    async with server_with(path, tally) as server:
        assert (await get(server, ours, certificate=first.issue_cert("ann"))).text == "hello"
        for certificate in (None, second.issue_cert("ann")):
            with pytest.raises(httpx.TransportError):
                await get(server, ours, certificate=certificate)
        assert tally.get(HANDSHAKES_REFUSED) == 2
        assert tally.get(RESPONSES, "200") == 1
        replace(authorities, second.cert_pem.bytes().decode())
        assert (await get(server, ours, certificate=second.issue_cert("ann"))).text == "hello"
        with pytest.raises(httpx.TransportError):
            await get(server, ours, certificate=first.issue_cert("ann"))


async def test_tls_does_not_go_away_by_a_reload(path: Path, tally: Tally) -> None:
    authority = trustme.CA()
    replace(path, TLS)
    issue(path.parent, authority)
    async with server_with(path, tally) as server:
        replace(path, "")
        assert (await get(server, authority)).text == "hello"
    assert tally.get(RELOADS, "refused") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls_config: {}", "'tls_config' is not a known setting; did you mean 'tls_server_config'"),
        ("http_server_config: {headers: {X-Other: a}}", "http_server_config.headers: 'X-Other' is not a known setting"),
        ("http_server_config: {headers: {X-Frame-Options: maybe}}", "headers.X-Frame-Options.*sameorigin"),
        ('http_server_config: {headers: {Content-Security-Policy: "a\\nb"}}', "headers.Content-Security-Policy"),
        ("basic_auth_users: {ann: plain}", "basic_auth_users.ann: not a bcrypt hash"),
        (TLS, r"server\.pem: cannot be read"),
        ("- a\n", "holds a list"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_key(path: Path, tally: Tally, text: str, words: str) -> None:
    path.write_text(text)
    with pytest.raises(SettingsError, match=rf"{path.parent}/.*{words}"):
        WebConfig(path, tally)


def test_a_file_that_cannot_be_read_is_an_error(path: Path, tally: Tally) -> None:
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        WebConfig(path, tally)


async def test_more_than_one_authorization_header_counts_as_the_first(path: Path, tally: Tally) -> None:
    replace(path, USERS)
    wrong, right = (base64.b64encode(f"ann:{word}".encode()).decode() for word in ("wrong", "right"))
    async with server_with(path, tally) as server:
        headers = [("authorization", f"Basic {wrong}"), ("authorization", f"Basic {right}")]
        assert (await get(server, headers=headers)).status_code == 401
