"""What a server process does between fork and exec: end with its parent, and not be root where that is refused.

PostgreSQL refuses to run as root. It then runs as the platform's user without rights, which keeps one capability on
Linux: to pass folders that are root's alone, so that neither the state folder nor a home folder has to be opened. But
PostgreSQL asks with access(2) for its own program, and that call takes no capability into account. Where the program is
in a folder of root's alone, it runs as root under the number of another user, in a user namespace.
https://man7.org/linux/man-pages/man2/access.2.html
https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_IS_LINUX = sys.platform == "linux"
DIES_WITH_PARENT = _IS_LINUX
"""Whether a child gets its death signal when this process ends; elsewhere the watchdog kills it."""
_LIBC = ctypes.CDLL(None) if _IS_LINUX else None
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAP_DAC_OVERRIDE = 1
_WITHOUT_RIGHTS = 65534 if _IS_LINUX else 2**32 - 2
_CAPABILITY_VERSION = 0x20080522
_CLONE_NEWUSER = 0x10000000
_NO_NAMESPACE = (
    b"FATAL: the user without rights can't enter the folder in which esaws is installed, and this system has no user "
    b"namespaces; install esaws in a folder that all users can enter, or do not run it as root\n"
)


@dataclass(frozen=True)
class User:
    """Another user than this process's, by its ids."""

    uid: int
    gid: int
    is_namespaced: bool = False
    """Whether the ids are only what the process sees as its own, which stay root's outside of its namespace."""

    def own(self, path: Path) -> None:
        """Make it the owner of a file, so that its servers can use it."""
        owner = (0, 0) if self.is_namespaced else (self.uid, self.gid)
        os.chown(path, *owner, follow_symlinks=False)


def user_instead_of_root(program: Path) -> User | None:
    """Return the user of a program that refuses to be root's; None unless this process is root's."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwuid(_WITHOUT_RIGHTS)
    is_open_to_all = all(folder.stat().st_mode & stat.S_IXOTH for folder in program.resolve().parents)
    return User(entry.pw_uid, entry.pw_gid, is_namespaced=_IS_LINUX and not is_open_to_all)


def before_exec(user: User | None, death_signal: signal.Signals) -> Callable[[], None]:
    """Return what the child calls before it becomes the server.

    Args:
        user: the user that it becomes; None: it stays this process's.
        death_signal: what Linux sends it when this process ends, even by kill -9.
    """
    parent = os.getpid()

    def prepare() -> None:
        if user is not None:
            _become(user)
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)  # after the change of user, which clears it
            if os.getppid() != parent:
                os._exit(1)

    return prepare


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(user: User) -> None:
    if user.is_namespaced:
        _enter_namespace(user)
        return
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.gid)
    os.setuid(user.uid)
    if _LIBC is not None:
        kept = 1 << _CAP_DAC_OVERRIDE
        header = _CapabilityHeader(_CAPABILITY_VERSION, 0)
        sets = (_CapabilitySets * 2)(_CapabilitySets(kept, kept, kept), _CapabilitySets(0, 0, 0))
        if _LIBC.capset(ctypes.byref(header), sets) == 0:
            _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _enter_namespace(user: User) -> None:
    """See this process's user as another one; ends the process where the system allows no user namespaces."""
    assert _LIBC is not None
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        os.write(2, _NO_NAMESPACE)
        os._exit(1)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user.uid} 0 1"), ("gid_map", f"{user.gid} 0 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)
