from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from probes.sources.redfish.transport import Guard
from probes.sources.redfish.walk import BmcError, Expired
from tests.fixtures.bmc import FakeBmc, Handler

ROOT = "/redfish/v1"


@pytest.fixture
def bmc() -> Iterator[FakeBmc]:
    with FakeBmc({ROOT: {"Name": "root"}}).serving() as it:
        yield it


class Fetch:
    """Requests through a guard, as the client library makes them."""

    def __init__(self, bmc: FakeBmc, max_bytes: int = 10_000, timeout: float = 60.0) -> None:
        self.left = 60.0
        guard = Guard(bmc.url, max_bytes, timeout, lambda: self.left)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", guard)
        self.url = bmc.url

    def get(self, path: str = ROOT) -> requests.Response:
        with self.session:
            return self.session.get(f"{self.url}{path}")


def test_a_plain_answer(bmc: FakeBmc) -> None:
    assert Fetch(bmc).get().json() == {"Name": "root"}


def chunked(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(3):
        handler.wfile.write(b"5\r\nabcde\r\n")
    handler.wfile.write(b"0\r\n\r\n")


def test_an_answer_in_chunks(bmc: FakeBmc) -> None:
    bmc.trick("", chunked)
    assert Fetch(bmc).get().content == b"abcde" * 3


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    try:
        while not handler.bmc.released.is_set():
            handler.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    except OSError:
        handler.close_connection = True


def test_a_body_without_end_is_cut_at_the_bound(bmc: FakeBmc) -> None:
    bmc.trick("", endless)
    with pytest.raises(BmcError, match=r"/redfish/v1 has more than max_body_bytes \(10000\)"):
        Fetch(bmc).get()


def test_a_body_that_is_announced_too_long(bmc: FakeBmc) -> None:
    bmc.trick("", lambda handler: handler.reply(b"x" * 10_001))
    with pytest.raises(BmcError, match="max_body_bytes"):
        Fetch(bmc).get()


def test_compressed_bodies_are_refused_unread(bmc: FakeBmc) -> None:
    bmc.trick("", lambda handler: handler.reply(b"\x1f\x8b", 200, **{"Content-Encoding": "gzip"}))
    with pytest.raises(BmcError, match="comes as 'gzip'"):
        Fetch(bmc).get()


def broken(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"{}")
    handler.close_connection = True


def test_a_body_that_ends_early(bmc: FakeBmc) -> None:
    bmc.trick("", broken)
    with pytest.raises(BmcError, match="ended early"):
        Fetch(bmc).get()


def test_octets_that_trickle_end_with_the_walks_time(bmc: FakeBmc) -> None:
    fetch = Fetch(bmc)
    asked = threading.Event()

    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        fetch.left = 0.0
        handler.wfile.write(b"1")
        asked.set()
        handler.bmc.released.wait()
        handler.close_connection = True

    bmc.trick("", trickle)
    with pytest.raises(Expired):
        fetch.get()
    assert asked.wait(60)


@pytest.mark.parametrize("part", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 100])
def test_a_head_without_end_ends_with_the_walks_time(bmc: FakeBmc, part: bytes) -> None:
    fetch = Fetch(bmc)

    def trickle(handler: Handler) -> None:
        handler.wfile.write(part)
        fetch.left = 0.0
        try:
            while not handler.bmc.released.wait(0.001):
                handler.wfile.write(part[-27:])
        except OSError:
            handler.close_connection = True

    bmc.trick("", trickle)
    with pytest.raises(Expired, match="no time was left to wait for the rest of /redfish/v1"):
        fetch.get()


def test_no_request_is_made_when_no_time_is_left(bmc: FakeBmc) -> None:
    fetch = Fetch(bmc)
    fetch.left = 0.0
    with pytest.raises(Expired, match="no time was left"):
        fetch.get()
    assert bmc.asked == []


def test_a_bmc_that_says_nothing_times_out(bmc: FakeBmc) -> None:
    def hang(handler: Handler) -> None:
        handler.bmc.released.wait()
        handler.close_connection = True

    bmc.trick("", hang)
    with pytest.raises(requests.exceptions.ReadTimeout):
        Fetch(bmc, timeout=0.05).get()


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/redfish/v1", "http://localhost/redfish/v1", "{}/admin", "{}/redfish/v10", "ftp://x/"]
)
def test_redirects_elsewhere_are_not_followed(bmc: FakeBmc, target: str) -> None:
    bmc.trick("", lambda handler: handler.reply(b"", 301, Location=target.format(bmc.url)))
    with pytest.raises((BmcError, requests.exceptions.InvalidSchema)):
        Fetch(bmc).get()
    assert bmc.asked == ["GET /redfish/v1"]


def test_a_redirect_within_the_tree_is_followed(bmc: FakeBmc) -> None:
    bmc.trick("old", lambda handler: handler.reply(b"", 308, Location="/redfish/v1/"))
    assert Fetch(bmc).get(f"{ROOT}/old").json() == {"Name": "root"}


@pytest.mark.parametrize("path", ["/", "/redfish", "/redfish/v11", "/api"])
def test_nothing_else_on_the_host_is_asked_for(bmc: FakeBmc, path: str) -> None:
    with pytest.raises(BmcError, match="not below"):
        Fetch(bmc).get(path)
    assert bmc.asked == []
