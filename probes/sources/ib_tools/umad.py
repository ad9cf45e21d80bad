"""Whether this process may send management datagrams: they go through `<dev>/infiniband/umad<N>`.

Kernel documentation: Documentation/infiniband/user_mad.rst.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from probes.sources import sysfs

_DEVICE = re.compile(r"umad[0-9]{1,4}", re.ASCII)


def problem(directory: Path) -> str | None:
    """Why no datagram can be sent through the devices in `directory` (`<dev>/infiniband`); None when one can."""
    try:
        names = [name for name in sysfs.entries(directory) if _DEVICE.fullmatch(name)]
    except sysfs.Unreadable as error:
        return str(error)
    if not names:
        return f"no {directory}/umad*: no InfiniBand adapter, or the module ib_umad is not loaded"
    if any(os.access(directory / name, os.R_OK | os.W_OK) for name in names):
        return None
    return f"{directory / names[0]} may not be read and written: docs/ib-fabric.md says how the probe is let in"
