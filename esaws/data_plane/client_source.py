"""Which task a client of this machine belongs to: its socket, the process that has it, and the process's group."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

Place = tuple[str, int]
"""A host and a port of this machine."""

FindSource = Callable[[Place, Place], str | None]
"""From a client's socket and the one that it connected to: the private address that it has on AWS.

None: a program that belongs to no task, such as psql in a shell."""

_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLMSG_ERROR = 4, 20, 2
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
_HEADER_BYTES, _INODE_OFFSET = 16, 68
"""Of netlink messages, and in `struct inet_diag_msg`; https://man7.org/linux/man-pages/man7/sock_diag.7.html"""
_KERNEL_SECONDS = 1.0


def source_of(client: Place, here: Place, addresses: Mapping[int, str]) -> str | None:
    """Return the private address of the task that a client's socket belongs to; None: of no task.

    Args:
        client: the address and port of the client's socket.
        here: those that it connected to.
        addresses: process group of a task, which is the id of its first process → its private address.
    """
    if not addresses:
        return None
    has_socket = _socket_test(client, here)
    for pid in psutil.pids():
        try:
            address = addresses.get(os.getpgid(pid)) or addresses.get(os.getsid(pid))
            if address is not None and has_socket(pid):
                return address
        except (OSError, psutil.Error):
            continue
    return None


def _socket_test(client: Place, here: Place) -> Callable[[int], bool]:
    """Return a function that tells whether a process has the client's socket.

    psutil reads the table of all sockets for each process, which takes hundreds of milliseconds where there are
    thousands. On Linux the socket is looked up once here.
    """
    if sys.platform != "linux":
        return lambda pid: any(
            (each.laddr, each.raddr) == (client, here) for each in psutil.Process(pid).net_connections("tcp")
        )
    try:
        inode = _inode_from_kernel(client, here)
    except OSError:  # a kernel without this interface
        inode = _inode_from_table(client, here)
    link = f"socket:[{inode}]"
    return lambda pid: bool(inode) and any(_target(file) == link for file in Path(f"/proc/{pid}/fd").iterdir())


def _inode_from_kernel(client: Place, here: Place) -> int:
    """Return the inode of a socket, 0 if there is none; in 0.1 ms, where the table of all takes 5."""
    ports_and_addresses = struct.pack("!HH4s12x4s12x", client[1], here[1], *_packed(client, here))
    socket_id = ports_and_addresses + struct.pack("=III", 0, _ANY_COOKIE, _ANY_COOKIE)
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, _ANY_STATE) + socket_id
    header = struct.pack("=IHHII", _HEADER_BYTES + len(request), _SOCK_DIAG_BY_FAMILY, 1, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.settimeout(_KERNEL_SECONDS)
        kernel.send(header + request)
        answer = kernel.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] == _NLMSG_ERROR:
        (error,) = struct.unpack_from("=i", answer, _HEADER_BYTES)
        if -error == errno.ENOENT:
            return 0
        raise OSError(-error, os.strerror(-error))
    return int(struct.unpack_from("=I", answer, _HEADER_BYTES + _INODE_OFFSET)[0])


def _inode_from_table(client: Place, here: Place) -> int:
    """Return the inode of a socket from Linux's table of all, 0 if there is none."""
    numbers = [struct.unpack("=I", packed)[0] for packed in _packed(client, here)]
    pair = " ".join(f"{number:08X}:{port:04X}" for number, (_, port) in zip(numbers, (client, here), strict=True))
    with suppress(OSError):
        for line in Path("/proc/net/tcp").read_text().splitlines():
            if f" {pair} " in line:
                return int(line.split()[9])
    return 0


def _packed(*places: Place) -> list[bytes]:
    return [socket.inet_aton(host) for host, _ in places]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # it was closed meanwhile
        return ""
