"""As much HTTP/2 as it takes to be a peer that a gRPC library would not let us be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_HEADERS = 4
END_STREAM = ACK = ACK_PING = 1


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    payload: bytes


class Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self._writer = reader, writer
        writer.write(PREFACE)
        self.send(SETTINGS, 0, 0, b"")

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        head = len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4)
        self._writer.write(head + payload)

    def open_call(self, method: str, request: bytes, stream: int = 1) -> None:
        """Send a whole gRPC request; header names in plain text."""
        self.open_stream(method, stream)
        message = b"\x00" + len(request).to_bytes(4) + request
        self.send(DATA, END_STREAM, stream, message)

    def open_stream(self, method: str, stream: int = 1) -> None:
        """Begin a call: its headers, and nothing of its request."""
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": f"/sidero.discovery.server.Cluster/{method}",
            ":authority": "service",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        block = b"".join(
            b"\x00" + _text(name) + _text(value) for name, value in fields.items()
        )
        self.send(HEADERS, END_HEADERS, stream, block)

    async def receive(self) -> Frame:
        head = await asyncio.wait_for(self.reader.readexactly(9), 10)
        payload = await self.reader.readexactly(int.from_bytes(head[:3]))
        if head[3] == SETTINGS and not head[4]:
            self.send(SETTINGS, ACK, 0, b"")
        if head[3] == PING and not head[4]:
            self.send(PING, ACK_PING, 0, payload)
        return Frame(head[3], head[4], payload)


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()
