"""HTTP basic authentication against bcrypt hashes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping

import bcrypt

from fabricscope.settings import SettingsError

_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_MAX_COST = 18
"""Each step doubles the time; this one takes seconds for each login."""
_MAX_PASSWORD_BYTES = 72
"""bcrypt looks at no more of a password, so tools that make hashes cut it here too."""
_MAX_VERIFIED = 100


class Users:
    """Names with their hashes. Raises SettingsError, naming the user and never the hash, for what is no hash."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {name.encode(): text.encode() for name, text in hashes.items()}
        cost = 4
        for name, text in hashes.items():
            match = _HASH.fullmatch(text)
            if match is None or not 4 <= int(match.group(1)) <= _MAX_COST:
                raise SettingsError(
                    f"basic_auth_users.{name}: not a bcrypt hash with a cost of 4 to {_MAX_COST}; "
                    f"`htpasswd -nB {name}` makes one"
                )
            cost = max(cost, int(match.group(1)))
        # What an unknown name is checked against: no password has it, and it costs what a known name costs.
        self._nobody = f"$2b${cost:02}${'.' * 53}".encode()

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def hash_of(self, name: bytes) -> bytes:
        """The hash to check a password against, for a name that is unknown too."""
        return self._hashes.get(name, self._nobody)


class BasicAuth:
    """Checks `Authorization` headers. Remembers what was right, since bcrypt is slow by design.

    Hashing runs in a thread, one at a time, so that a flood of wrong passwords leaves a core to the rest.
    """

    def __init__(self) -> None:
        # Remembered under a secret of this process: neither passwords nor their plain digests stay in memory.
        self._secret = secrets.token_bytes(32)
        self._verified: dict[bytes, None] = {}
        self._turn = asyncio.Lock()

    async def allows(self, users: Users, authorization: str) -> bool:
        """Whether the header's value names a user with the right password."""
        credentials = _parse(authorization)
        if credentials is None:
            return False
        name, password = credentials
        password_hash = users.hash_of(name)
        key = hmac.digest(self._secret, b"\0".join([password_hash, password]), "sha256")
        if key in self._verified:
            return True
        async with self._turn:
            if key in self._verified:  # by another request with the same credentials, meanwhile
                return True
            if not await asyncio.to_thread(bcrypt.checkpw, password[:_MAX_PASSWORD_BYTES], password_hash):
                return False
            if len(self._verified) >= _MAX_VERIFIED:
                del self._verified[next(iter(self._verified))]
            self._verified[key] = None
            return True


def _parse(authorization: str) -> tuple[bytes, bytes] | None:
    """Name and password of a `Basic` header (RFC 7617); None for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None
