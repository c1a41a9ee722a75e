"""The sending side: updates over a few connections, paced or as fast as possible."""

import select
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.discovery.frames import (
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    WINDOW_DEFAULT,
    WINDOW_UPDATE,
    Call,
    FrameReader,
    answer,
    opening,
    status_from_headers,
)

CONNECTIONS: Final = 4
UNANSWERED_MAX: Final = 50
CHUNK_BYTES: Final = 1 << 16
STALL_S: Final = 60.0


class UpdateError(Exception):
    """The server ended the connection or answers no more."""


@dataclass(slots=True)
class Sent:
    """What became of the updates of a phase.

    Attributes:
        sent_s: monotonic seconds by version.
        answers_s: from sending to the answer, one per update.
        refused: how many calls had which status other than OK; -1: reset.
    """

    sent_s: dict[int, float] = field(default_factory=dict)
    answers_s: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)


class UpdateConnection:
    """One connection that carries many calls at once."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(opening())
        self._frames = FrameReader()
        self._next_stream = 1
        self._window_bytes = WINDOW_DEFAULT
        self._began_s_by_stream: dict[int, float] = {}

    def fileno(self) -> int:
        """Return what a poll knows it by."""
        return self._socket.fileno()

    @property
    def unanswered(self) -> int:
        """Calls under way."""
        return len(self._began_s_by_stream)

    def has_room(self, call: Call) -> bool:
        """Tell whether a call can be sent now."""
        fits = self._window_bytes >= len(call.body)
        return fits and self.unanswered < UNANSWERED_MAX

    def send(self, call: Call) -> float:
        """Send a call there is room for; return when."""
        now_s = time.monotonic()
        self._began_s_by_stream[self._next_stream] = now_s
        self._socket.sendall(call.on(self._next_stream))
        self._next_stream += 2
        self._window_bytes -= len(call.body)
        return now_s

    def read(self, sent: Sent) -> None:
        """Take what arrived and count it in.

        Raises:
            UpdateError: the connection is at its end.
        """
        chunk = self._socket.recv(CHUNK_BYTES)
        if not chunk:
            raise UpdateError("the server closed the connection")
        for received in self._frames.feed(chunk):
            kind, flags, stream, payload = received
            if kind == GOAWAY:
                raise UpdateError(f"the server says goodbye: {payload[8:]!r}")
            if kind == WINDOW_UPDATE and stream == 0:
                self._window_bytes += int.from_bytes(payload)
            elif kind == HEADERS and flags & END_STREAM:
                self._answered(stream, status_from_headers(received), sent)
            elif kind == RST_STREAM:
                self._answered(stream, -1, sent)
            elif said := answer(received):
                self._socket.sendall(said)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def _answered(self, stream: int, status: int | None, sent: Sent) -> None:
        began_s = self._began_s_by_stream.pop(stream, None)
        if began_s is None:
            return
        sent.answers_s.append(time.monotonic() - began_s)
        if status != 0:
            status = 2 if status is None else status
            sent.refused[status] = sent.refused.get(status, 0) + 1


class Updater:
    """Sends updates over several connections, in turn."""

    def __init__(self, connections: list[UpdateConnection]) -> None:
        self._connections = connections
        self._poll = select.epoll()
        self._by_fd = {each.fileno(): each for each in connections}
        for each in connections:
            self._poll.register(each.fileno(), select.EPOLLIN)

    def send(
        self, updates: Iterable[tuple[int, Call]], rate_per_s: float | None
    ) -> Sent:
        """Send all and wait for the answers.

        Args:
            updates: version and call.
            rate_per_s: None: as fast as the server answers.

        Raises:
            UpdateError: the server is gone or has answered nothing for a minute.
        """
        sent = Sent()
        pace_s = 1 / rate_per_s if rate_per_s else 0.0
        began_s = time.monotonic()
        for number, (version, call) in enumerate(updates):
            self._serve_until(began_s + number * pace_s, sent)
            connection = self._connection_for(call, sent)
            sent.sent_s[version] = connection.send(call)
        while any(each.unanswered for each in self._connections):
            self._serve(STALL_S, sent)
        return sent

    def _serve_until(self, due_s: float, sent: Sent) -> None:
        while (wait_s := due_s - time.monotonic()) > 0:
            self._poll_once(wait_s, sent)

    def _connection_for(self, call: Call, sent: Sent) -> UpdateConnection:
        while True:
            self._connections.append(self._connections.pop(0))
            for connection in self._connections:
                if connection.has_room(call):
                    return connection
            self._serve(STALL_S, sent)

    def _serve(self, timeout_s: float, sent: Sent) -> None:
        if not self._poll_once(timeout_s, sent):
            raise UpdateError(f"no answer for {timeout_s:g} s")

    def _poll_once(self, timeout_s: float, sent: Sent) -> bool:
        ready = self._poll.poll(timeout_s)
        for fd, _ in ready:
            self._by_fd[fd].read(sent)
        return bool(ready)


@contextmanager
def updating(address: tuple[str, int]) -> Iterator[Updater]:
    """Give an updater whose connections end with the block."""
    connections = [UpdateConnection(address) for _ in range(CONNECTIONS)]
    try:
        yield Updater(connections)
    finally:
        for connection in connections:
            connection.close()
