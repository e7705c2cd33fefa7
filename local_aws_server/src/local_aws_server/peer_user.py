"""Which user of this machine has opened a connection, so that the local AWS of one user is closed to the others.

Linux says who owns the other end of a connection within the machine. Where it does not, as on other systems and for
connections of containers with a network of their own, the user is unknown.

https://man7.org/linux/man-pages/man7/sock_diag.7.html
"""

from __future__ import annotations

import errno
import os
import socket
import struct

EVERY_USER = "ESAWS_EVERY_USER"
"""The variable that opens the local AWS to all users of the machine, if it is 1."""

CLOSED = -1

_ERROR = 2
_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NO_COOKIE = (0xFFFFFFFF, 0xFFFFFFFF)
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_OWNER = struct.Struct("=II")
_ID_LENGTH = 48
_UID_OFFSET = _HEADER.size + 4 + _ID_LENGTH + 12
"""Behind family, state, timer, retransmissions, the id of the socket, and three numbers."""
_SECONDS = 1.0


def is_another_user(connection: socket.socket) -> bool:
    """Whether a user of this machine other than the server's, and other than root, has opened a connection."""
    if not hasattr(os, "getuid") or os.environ.get(EVERY_USER) == "1":
        return False
    return peer_user(connection) not in (None, 0, os.getuid())


def peer_user(connection: socket.socket) -> int | None:
    """The id of the user who owns the other end of a TCP connection within this machine; None if it is unknown.

    `CLOSED` if the other end was closed already: its user could be anyone, and reads no answer.
    """
    if connection.family != socket.AF_INET or not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        client = connection.getpeername()
        request = _request(client, connection.getsockname())
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as netlink:
            netlink.settimeout(_SECONDS)
            netlink.send(request)
            answer = netlink.recv(4096)
    except OSError:
        return None
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _SOCK_DIAG_BY_FAMILY and len(answer) >= _UID_OFFSET + _OWNER.size:
        user, inode = _OWNER.unpack_from(answer, _UID_OFFSET)
        return int(user) if inode else CLOSED
    is_absent = kind == _ERROR and struct.unpack_from("=i", answer, _HEADER.size)[0] == -errno.ENOENT
    return CLOSED if is_absent and client[0].startswith("127.") else None


def _request(client: tuple[str, int], server: tuple[str, int]) -> bytes:
    """The question for the socket of the client: one message of Linux's protocol for socket diagnosis."""
    ports = struct.pack("!HH", client[1], server[1])
    addresses = b"".join(socket.inet_aton(address).ljust(16, b"\0") for address, _ in (client, server))
    identity = ports + addresses + struct.pack("=III", 0, *_NO_COOKIE)
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + identity
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, 1, 0, 0) + body
