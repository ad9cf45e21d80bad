"""Runs a command under the system call filter of a unit, as systemd would: confine.py UNIT COMMAND...

No systemd runs where tests do. What SystemCallFilter= and MemoryDenyWriteExecute= forbid is given to
the kernel by the same library that systemd uses; the rest of the sandbox is not rebuilt.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
ERRNO_EPERM = 0x00050001
MASKED_EQ = 7
PROT_EXEC = 4
PROT_WRITE_EXEC = 6
PR_SET_NO_NEW_PRIVS = 38


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp: argument number, operator, mask, value."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


@functools.cache
def members(group: str) -> frozenset[str]:
    """The system calls of a group such as @system-service, as this machine's systemd has it."""
    if not group.startswith("@"):
        return frozenset({group})
    listing = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = (line.strip() for line in listing.stdout.splitlines()[1:])
    return frozenset().union(*(members(name) for name in names if name and not name.startswith("#")))


def allowed(unit: str) -> frozenset[str]:
    """What the SystemCallFilter= lines of a unit's text leave."""
    calls: frozenset[str] = frozenset()
    for line in unit.splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            named = frozenset().union(*(members(group) for group in value.removeprefix("~").split()))
            calls = calls - named if value.startswith("~") else calls | named
    # systemd always allows what it takes to start the program (systemd.exec(5)).
    return calls | members("@default") | {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"}


def confine(unit: str) -> None:
    """Put the filter on this process, and on all that it starts."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    rule_add = library.seccomp_rule_add_array
    rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    filters: list[tuple[int, list[tuple[int, str, Comparison | None]]]] = []
    if "\nMemoryDenyWriteExecute=yes\n" in unit:
        forbidden = [("mmap", PROT_WRITE_EXEC), ("mprotect", PROT_EXEC), ("pkey_mprotect", PROT_EXEC)]
        filters.append((ALLOW, [(ERRNO_EPERM, name, Comparison(2, MASKED_EQ, mask, mask)) for name, mask in forbidden]))
    # Last, since it forbids to load another one.
    filters.append((ERRNO_EPERM, [(ALLOW, name, None) for name in sorted(allowed(unit))]))
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for default, rules in filters:
        context = library.seccomp_init(ctypes.c_uint32(default))
        for action, name, comparison in rules:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:  # negative: another architecture has it
                argument = ctypes.byref(comparison) if comparison else None
                rule_add(context, action, number, 1 if comparison else 0, argument)
        if failure := library.seccomp_load(context):
            sys.exit(f"the filter cannot be loaded: {os.strerror(-failure)}")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text("utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])
