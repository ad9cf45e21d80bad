from __future__ import annotations

from pathlib import Path

import pytest

from probes.sources.redfish.password import MAX_PASSWORD_BYTES, read_password
from probes.sources.redfish.walk import BmcError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "password"
    made.touch(0o600)
    return made


def test_the_password_is_the_first_line_of_octets_in_utf_8(file: Path) -> None:
    file.write_bytes("pässword \r\nsecond line\n".encode())
    assert read_password(str(file)) == "pässword "
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BmcError, match="cannot be read"):
        read_password(str(file))


@pytest.mark.parametrize("content", [b"", b"\nsecond line", b"x" * (MAX_PASSWORD_BYTES + 1)])
def test_none_and_one_without_an_end_are_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(BmcError, match="is empty or longer than 4096 octets"):
        read_password(str(file))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_its_owner_and_group_may_read_it(file: Path, mode: int) -> None:
    file.write_text("open sesame")
    file.chmod(mode)
    assert read_password(str(file)) == "open sesame"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666, 0o444])
def test_one_that_everyone_may_read_or_change_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    file.write_text("open sesame")
    file.chmod(mode)
    with pytest.raises(BmcError, match=rf"{file} has mode {mode:04o}: .*`chmod o= {file}`") as caught:
        read_password(str(file))
    assert "open sesame" not in str(caught.value)
