"""A client with HTTP/2 that shows what a test needs to see: streams, resets, GOAWAY, and the end of the connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from tests.data_plane.load_balancer_world import DNS_NAME, Site

SECONDS = 30


@dataclass
class Answer:
    """The response on one stream, as far as it has arrived."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    informational: list[int] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    reset: int | None = None
    """The error code of the RST_STREAM frame that ended it."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Http2Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        self.engine = H2Connection(H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        """The error code of the GOAWAY frame."""
        self.takes_data = True
        """Whether the flow control windows are opened again after data has arrived."""
        self.closed = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.engine.initiate_connection()
        self.flush()

    async def request(self, path: str = "/", **request: object) -> Answer:
        """Send a request and return its whole response."""
        return await self.answer(await self.send(path, **request))  # type: ignore[arg-type]

    async def send(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        host: str = DNS_NAME,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        end: bool = True,
    ) -> int:
        """Send a request and return its stream; without `end` more data may follow."""
        id = self.engine.get_next_available_stream_id()
        where = [] if method == "CONNECT" else [(":scheme", "https"), (":path", path)]
        fields = [(":method", method), (":authority", host), *where, *headers]
        self.answers[id] = Answer()
        self.engine.send_headers(id, fields, end_stream=end and not body)
        self.flush()
        if body:
            await self.send_data(id, body, end=end)
        return id

    async def send_data(self, id: int, data: bytes, *, end: bool = False) -> None:
        while data:
            room = min(self.engine.local_flow_control_window(id), self.engine.max_outbound_frame_size)
            if room:
                self.engine.send_data(id, data[:room], end_stream=end and room >= len(data))
                data = data[room:]
                self.flush()
            else:
                self._moved.clear()
                await self._moved.wait()

    async def answer(self, id: int) -> Answer:
        async with asyncio.timeout(SECONDS):
            await self.answers[id].ended.wait()
        return self.answers[id]

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def wait_closed(self) -> None:
        """Wait until the load balancer has closed the connection."""
        async with asyncio.timeout(SECONDS):
            await self.closed.wait()

    def write(self, data: bytes) -> None:
        """Send bytes that are no frames of this client's engine."""
        self._writer.write(data)

    def flush(self) -> None:
        self._writer.write(self.engine.data_to_send())

    async def _read(self) -> None:
        with suppress(OSError, ProtocolError):
            while data := await self._reader.read(1 << 16):
                for event in self.engine.receive_data(data):
                    self._take(event)
                self.flush()
        self.closed.set()
        for answer in self.answers.values():
            answer.ended.set()

    def _take(self, event: events.Event) -> None:
        self._moved.set()
        if isinstance(event, events.ConnectionTerminated):
            self.goaway = event.error_code
            self.engine.state_machine.state = type(self.engine.state_machine.state).CLIENT_OPEN
            return
        answer = self.answers.get(getattr(event, "stream_id", None) or 0)
        if answer is None:
            return
        if isinstance(event, events.InformationalResponseReceived):
            answer.informational.append(int(dict(event.headers)[":status"]))
        elif isinstance(event, events.ResponseReceived):
            answer.headers = list(event.headers)
            answer.status = int(answer.header(":status"))
            answer.began.set()
        elif isinstance(event, events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, events.DataReceived):
            answer.body += event.data
            if self.takes_data:
                self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            answer.ended.set()
        elif isinstance(event, events.StreamReset):
            answer.reset = event.error_code
            answer.ended.set()


async def tls_streams(
    running: Site, port: int = 443, offers: Sequence[str] = ("h2", "http/1.1")
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a listener, whatever its certificate says."""
    entrance = next(each for each in running.proxy.listeners() if each["port"] == port)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(list(offers))
    place = entrance["host"], entrance["local_port"]
    return await asyncio.open_connection(*place, ssl=tls, server_hostname=DNS_NAME)


@asynccontextmanager
async def connected(running: Site, port: int = 443, **options: Sequence[str]) -> AsyncIterator[Http2Client]:
    """Yield a client with a connection of its own."""
    client = Http2Client(*await tls_streams(running, port, **options))
    try:
        yield client
    finally:
        await client.close()
