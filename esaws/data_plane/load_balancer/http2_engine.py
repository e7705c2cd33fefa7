"""The state of an HTTP/2 connection in the `h2` package, with the limits of an Application Load Balancer."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings
from hpack.huffman_constants import REQUEST_CODES_LENGTH

MOST_STREAMS = 128
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html"""

LONGEST_FIELD = 8 * 1024
"""Compressed. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""

WINDOW = 65_535
"""The bytes of a body that a client may send before they are read."""

_ADVERTISED_HEADERS = 64 * 1024
_LONGEST_HEADERS = 4 * _ADVERTISED_HEADERS
"""Above AWS's limits the answer is 400; above this one the connection ends, because the headers are not kept."""


class Engine(H2Connection):
    """The server's side of one connection, which reads and writes frames but no socket."""

    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=False))
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: MOST_STREAMS}
        limits[SettingCodes.MAX_HEADER_LIST_SIZE] = _ADVERTISED_HEADERS
        self.local_settings = Settings(client=False, initial_values=limits)
        self.decoder.max_header_list_size = _LONGEST_HEADERS

    @property
    def open_inbound_streams(self) -> int:
        """At most one less than the limit: h2 would end the connection of a stream too many, which can be refused."""
        return min(super().open_inbound_streams, MOST_STREAMS - 1)

    def begin(self) -> None:
        """Greet the client. Each stream may fill its own window, so that a body that nothing reads stops no other."""
        self.initiate_connection()
        self.increment_flow_control_window((MOST_STREAMS - 1) * WINDOW)

    def leave(self) -> None:
        """Tell the client to open no more streams; those that are open go on."""
        self.close_connection(ErrorCodes.NO_ERROR)
        self.answer_on()

    def answer_on(self) -> None:
        """Go on after a GOAWAY of either side, where h2 would send nothing more."""
        self.state_machine.state = ConnectionState.SERVER_OPEN


def compressed_size(name: bytes, value: bytes) -> int:
    """Return the bytes of a header field in the shorter of the two encodings of each text."""
    if len(name) + len(value) <= LONGEST_FIELD:
        return len(name) + len(value)
    return sum(min(len(text), (sum(REQUEST_CODES_LENGTH[byte] for byte in text) + 7) // 8) for text in (name, value))
