import asyncio
import errno
import signal
import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fabricscope import http
from fabricscope.http import CONNECTIONS_REFUSED, RESPONSES, HttpServer, HttpSettings
from fabricscope.settings import SettingsError, convert
from fabricscope.tally import Tally


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/hello", hello)])


@pytest.fixture
def tally() -> Tally:
    return Tally()


def server_at(listen: str, tally: Tally) -> HttpServer:
    return HttpServer(APP, HttpSettings(listen=listen), "probe.http", tally)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def test_serves_on_the_port_that_its_url_names_and_counts_answers(tally: Tally) -> None:
    async with server_at("127.0.0.1:0", tally) as server, httpx.AsyncClient(trust_env=False) as client:
        assert server.url.startswith("http://127.0.0.1:")
        answer = await client.get(f"{server.url}/hello")
        missing = await client.get(f"{server.url}/elsewhere")
    assert (answer.status_code, answer.text) == (200, "hello")
    assert missing.status_code == 404
    assert "date" in answer.headers
    assert "server" not in answer.headers
    assert (tally.get(RESPONSES, "200"), tally.get(RESPONSES, "404")) == (1, 1)


@pytest.mark.parametrize(("listen", "shown"), [("[::1]:0", "http://[::1]:"), (":0", "http://localhost:")])
async def test_other_ways_to_say_where(tally: Tally, listen: str, shown: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("IPv6 is switched off here")
    async with server_at(listen, tally) as server, httpx.AsyncClient(trust_env=False) as client:
        assert server.url.startswith(shown)
        assert (await client.get(f"{server.url}/hello")).text == "hello"


async def test_a_port_in_use_is_named_with_the_remedy(taken: int, tally: Tally) -> None:
    with pytest.raises(
        SettingsError, match=rf"probe\.http\.listen: .*127\.0\.0\.1:{taken}.*in use.*ss -ltnp"
    ) as caught:
        async with server_at(f"127.0.0.1:{taken}", tally):
            pass
    assert "another port" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "does not have that address"),
        (errno.ENOBUFS, "No buffer space"),
    ],
)
async def test_why_an_address_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, tally: Tally, number: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(number, "No buffer space")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(SettingsError, match=words):
        async with server_at("127.0.0.1:80", tally):
            pass


async def test_every_interface_without_ipv6_is_ipv4(monkeypatch: pytest.MonkeyPatch, tally: Tally) -> None:
    real = socket.create_server

    def without_ipv6(address: tuple[str, int], *, family: int = socket.AF_INET, **options: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6")
        return real(address, family=family, **options)

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    async with server_at(":0", tally) as server, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{server.url.replace('localhost', '127.0.0.1')}/hello")).text == "hello"


@pytest.mark.parametrize("host", ["no such host", "a..b"])
async def test_a_host_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, tally: Tally, host: str) -> None:
    real = socket.getaddrinfo

    def resolve(name: str, *rest: int, **options: int) -> object:
        if name == "no such host":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(SettingsError, match=r"probe\.http\.listen: .*no host name that resolves.*:7452"):
        async with server_at(f"{host}:7452", tally):
            pass


@pytest.mark.parametrize("listen", ["7452", "host", "::1:7452", ":99999", ""])
def test_a_listen_that_is_no_address(listen: str) -> None:
    with pytest.raises(SettingsError, match=r"probe\.http: listen: .*(address|ambiguous)"):
        convert({"listen": listen}, HttpSettings, "probe.http")


async def test_a_web_config_that_is_not_there_is_an_error_before_anything_starts(tally: Tally) -> None:
    settings = HttpSettings(listen="127.0.0.1:0", web_config="/nowhere/web.yml")
    with pytest.raises(SettingsError, match=r"probe\.http\.web_config: /nowhere/web.yml: cannot be read"):
        async with HttpServer(APP, settings, "probe.http", tally):
            pass


async def raw(url: str, request: bytes) -> bytes:
    """What the server says until it closes."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


async def test_a_head_above_the_bound_is_refused(tally: Tally) -> None:
    async with server_at("127.0.0.1:0", tally) as server:
        answer = await raw(server.url, b"GET /hello HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * (http.MAX_HEAD_BYTES * 2))
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_connection_that_asks_nothing_is_closed_and_counted(
    monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0)
    async with server_at("127.0.0.1:0", tally) as server:
        assert await raw(server.url, b"") == b""
    assert tally.get(CONNECTIONS_REFUSED, "no_request") == 1


async def test_connections_beyond_the_bound_are_closed_and_counted(
    monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 1)
    async with server_at("127.0.0.1:0", tally) as server, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{server.url}/hello")).status_code == 200
        assert await raw(server.url, b"") == b""
        assert (await client.get(f"{server.url}/hello")).status_code == 200
    assert tally.get(CONNECTIONS_REFUSED, "too_many") == 1


async def test_a_request_under_way_ends_before_the_server_does(tally: Tally) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        entered.set()
        await release.wait()
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/slow", slow)])
    server = await HttpServer(app, HttpSettings(listen="127.0.0.1:0"), "probe.http", tally).__aenter__()
    async with httpx.AsyncClient(trust_env=False) as client:
        request = asyncio.create_task(client.get(f"{server.url}/slow"))
        await entered.wait()
        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        await asyncio.sleep(0)
        release.set()
        assert (await request).text == "done"
        await stopping
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{server.url}/slow")


async def test_the_process_keeps_its_signal_handlers(tally: Tally) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with server_at("127.0.0.1:0", tally):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
