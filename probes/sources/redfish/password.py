"""The file that a BMC's password is in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from probes.sources.redfish.walk import BmcError

MAX_PASSWORD_BYTES = 4096

_OTHERS = stat.S_IROTH | stat.S_IWOTH


def read_password(file: str) -> str:
    """The first line of the password's file. Raises BmcError, also where others than its owner and group may read it.

    A group may: a file of root's that the probe's group reads is a usual way.
    """
    try:
        with Path(file).open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = opened.read(MAX_PASSWORD_BYTES + 1)
        password = content.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, ValueError) as error:
        raise BmcError(f"the password file {file} cannot be read: {error}") from error
    if mode & _OTHERS:
        raise BmcError(
            f"the password file {file} has mode {mode:04o}: everyone on this host may read or change it, so it is not "
            f"used; `chmod o= {file}` closes it (of a Kubernetes secret, `defaultMode: 0440`)"
        )
    if not password or len(content) > MAX_PASSWORD_BYTES:
        raise BmcError(f"the password file {file} is empty or longer than {MAX_PASSWORD_BYTES} octets")
    return password
