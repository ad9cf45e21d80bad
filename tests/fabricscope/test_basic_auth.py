import base64
from collections.abc import Callable

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope import basic_auth
from fabricscope.basic_auth import BasicAuth, Users
from fabricscope.settings import SettingsError

COST = 4
"""The cheapest there is: these tests are about something else."""


def hashed(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(COST)).decode()


def header(name: bytes, password: bytes) -> str:
    return "Basic " + base64.b64encode(name + b":" + password).decode()


USERS = Users({"ann": hashed(b"right"), "bob": hashed(b"other")})


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Every password and hash that bcrypt was asked about."""
    calls: list[tuple[bytes, bytes]] = []
    real: Callable[[bytes, bytes], bool] = bcrypt.checkpw

    def recording(password: bytes, password_hash: bytes) -> bool:
        calls.append((password, password_hash))
        return real(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", recording)
    return calls


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (header(b"ann", b"right"), True),
        (header(b"ann", b"right").replace("Basic", "bAsIc"), True),
        (header(b"bob", b"right"), False),
        (header(b"ann", b"wrong"), False),
        (header(b"ann", b""), False),
        (header(b"nobody", b"right"), False),
        (header(b"", b""), False),
        (header(b"ann", b"ri\0ght"), False),
        ("", False),
        ("Basic", False),
        ("Basic !!!", False),
        ("Basic " + base64.b64encode(b"no colon").decode(), False),
        ("Bearer token", False),
    ],
)
async def test_who_is_let_in(authorization: str, allowed: bool) -> None:
    assert await BasicAuth().allows(USERS, authorization) is allowed


async def test_a_password_may_have_colons_and_more_bytes_than_bcrypt_looks_at() -> None:
    password = b"a:b:" + b"x" * 100
    users = Users({"ann": hashed(password[:72])})
    assert await BasicAuth().allows(users, header(b"ann", password))


async def test_what_was_right_is_remembered_and_what_was_wrong_is_not(checked: list[tuple[bytes, bytes]]) -> None:
    auth = BasicAuth()
    for _ in range(3):
        assert await auth.allows(USERS, header(b"ann", b"right"))
        assert not await auth.allows(USERS, header(b"ann", b"wrong"))
    assert [password for password, _ in checked] == [b"right", b"wrong", b"wrong", b"wrong"]


async def test_a_changed_hash_forgets_the_old_password() -> None:
    auth = BasicAuth()
    assert await auth.allows(USERS, header(b"ann", b"right"))
    assert not await auth.allows(Users({"ann": hashed(b"new")}), header(b"ann", b"right"))


async def test_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch, checked: list[tuple[bytes, bytes]]
) -> None:
    monkeypatch.setattr(basic_auth, "_MAX_VERIFIED", 2)
    users = Users({name: hashed(b"right") for name in ("a", "b", "c")})
    auth = BasicAuth()
    for name in (b"a", b"b", b"c", b"c", b"a"):
        assert await auth.allows(users, header(name, b"right"))
    assert len(checked) == 4
    assert len(auth._verified) == 2


async def test_an_unknown_name_costs_what_the_dearest_known_one_costs(checked: list[tuple[bytes, bytes]]) -> None:
    dear = bcrypt.hashpw(b"x", bcrypt.gensalt(COST + 1)).decode()
    users = Users({"ann": hashed(b"right"), "dear": dear})
    assert not await BasicAuth().allows(users, header(b"nobody", b"right"))
    ((_, asked),) = checked
    assert asked.startswith(b"$2b$05$")


@pytest.mark.parametrize("text", ["", "plain", "$2b$10$short", "$2b$31$" + "." * 53, "$2b$03$" + "." * 53, "$1$a$b"])
def test_what_is_no_hash_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingsError, match=r"basic_auth_users\.ann: not a bcrypt hash .*htpasswd") as caught:
        Users({"ann": text})
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
async def test_hashes_of_other_tools_are_taken(prefix: str) -> None:
    users = Users({"ann": hashed(b"right").replace("$2b$", prefix)})
    assert await BasicAuth().allows(users, header(b"ann", b"right"))


@given(st.text(max_size=40))
async def test_any_header_is_refused_quietly(text: str) -> None:
    assert not await BasicAuth().allows(USERS, text)


@given(st.binary(max_size=40))
async def test_any_credentials_are_refused_quietly(credentials: bytes) -> None:
    assert not await BasicAuth().allows(USERS, "Basic " + base64.b64encode(credentials).decode())
