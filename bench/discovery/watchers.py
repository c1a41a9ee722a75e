"""The receiving process: every watcher of a load, one connection each.

It does next to nothing with what arrives but keep it (see ``knowledge``), answers what
HTTP/2 wants answered, and opens a watch again that was ended, as clients do.
"""

import gc
import random
import select
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from bench.discovery.commands import Address, Open, Report, Reported, Settle
from bench.discovery.frames import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    Call,
    FrameReader,
    answer,
    opening,
    status_from_headers,
)
from bench.discovery.knowledge import Heard, Knowledge, Reader, Record
from bench.discovery.messages import SERVICE, watch_request

# As real clients wait: 0.5 s, give or take half (discovery.md 5.3).
REOPEN_S: Final = 0.5
UNANSWERED_MAX: Final = 500
CHUNK_BYTES: Final = 1 << 18
TICK_S: Final = 0.02
STATUSES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


class Watch:
    """One watcher: its connection, what arrived, what it knows."""

    __slots__ = ("call", "cluster_id", "frames", "knowledge", "records", "socket")

    def __init__(self, cluster_id: str, call: Call, affiliates: int) -> None:
        self.cluster_id = cluster_id
        self.call = call
        self.knowledge = Knowledge(affiliates)
        self.records: list[Record] = []
        self.frames = FrameReader()
        self.socket: socket.socket | None = None

    @property
    def waits_for_snapshot(self) -> bool:
        """Whether nothing arrived since it was opened."""
        return bool(self.records) and self.records[-1][1] is None

    def open(self, address: Address) -> None:
        """Connect and call; raises ``OSError`` if nobody listens."""
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.socket.send(opening() + self.call.on(1))
        self.frames = FrameReader()
        self.records.append((time.monotonic(), None))


@dataclass(slots=True)
class Receiver:
    """Obeys commands from a pipe, and receives."""

    pipe: Connection
    address: Address = ("", 0)
    watches: list[Watch] = field(default_factory=list)
    watch_by_fd: dict[int, Watch] = field(default_factory=dict)
    unopened: list[tuple[float, Watch]] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    last_s: float = 0.0
    reported_cpu_s: float = 0.0
    poll: select.epoll = field(default_factory=select.epoll)
    awaited: Callable[[float], object] | None = None
    stopped: bool = False
    # One for all: memory of its own for each chunk would cost more than the rest.
    buffer: bytearray = field(default_factory=lambda: bytearray(CHUNK_BYTES))
    view: memoryview = field(init=False)

    def __post_init__(self) -> None:
        self.view = memoryview(self.buffer)

    def run(self) -> None:
        """Receive until told ``None``."""
        self.poll.register(self.pipe.fileno(), select.EPOLLIN)
        ticked_s = 0.0
        while not self.stopped:
            for fd, _ in self.poll.poll(TICK_S, 256):
                watch = self.watch_by_fd.get(fd)
                if watch is not None:
                    self._read(watch)
                elif fd == self.pipe.fileno():
                    self._obey(self.pipe.recv())
            now_s = time.monotonic()
            if now_s - ticked_s >= TICK_S:
                ticked_s = now_s
                self._tick(now_s)

    def _obey(self, command: object) -> None:
        match command:
            case Open():
                self._open_all(command)
            case Settle():
                self._await_quiet(command)
            case Report():
                self.pipe.send(self._report(command))
            case _:
                self.stopped = True

    def _open_all(self, command: Open) -> None:
        self.address = command.address
        authority = f"{command.address[0]}:{command.address[1]}"
        for cluster_id, metadata in zip(
            command.cluster_ids, command.metadata, strict=True
        ):
            request = watch_request(cluster_id)
            call = Call.to(SERVICE + "Watch", authority, request, metadata)
            self.watches.append(Watch(cluster_id, call, command.affiliates))
        self.unopened = [(0.0, watch) for watch in reversed(self.watches)]
        began_s = time.monotonic()
        self.awaited = lambda now_s: self._is_open() and now_s - began_s

    def _await_quiet(self, command: Settle) -> None:
        began_s = time.monotonic()

        def settled(now_s: float) -> bool:
            quiet = now_s - max(self.last_s, began_s) >= command.quiet_s
            return (quiet and self._is_open()) or now_s - began_s > command.limit_s

        self.awaited = settled

    def _is_open(self) -> bool:
        waits = any(watch.waits_for_snapshot for watch in self.watches)
        return not self.unopened and not waits

    def _tick(self, now_s: float) -> None:
        if self.unopened:
            self._open_some(now_s)
        if self.awaited is not None:
            reply = self.awaited(now_s)
            if reply:
                self.awaited = None
                self.pipe.send(reply)

    def _open_some(self, now_s: float) -> None:
        """Open what is due, but never more than a listener's queue may hold."""
        waiting = sum(watch.waits_for_snapshot for watch in self.watches)
        later = []
        while self.unopened and waiting < UNANSWERED_MAX:
            due_s, watch = self.unopened.pop()
            if due_s > now_s:
                later.append((due_s, watch))
                continue
            self._open(watch)
            waiting += 1
        self.unopened += later

    def _open(self, watch: Watch) -> None:
        try:
            watch.open(self.address)
        except OSError as error:
            self._end(watch, type(error).__name__)
            return
        if watch.socket is not None:
            self.watch_by_fd[watch.socket.fileno()] = watch
            self.poll.register(watch.socket.fileno(), select.EPOLLIN)

    def _read(self, watch: Watch) -> None:
        sock = watch.socket
        if sock is None:
            return
        try:
            size = sock.recv_into(self.buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(watch, type(error).__name__)
            return
        if not size:
            self._end(watch, "connection closed")
            return
        self.last_s = now_s = time.monotonic()
        for received in watch.frames.feed(bytes(self.view[:size])):
            if received[0] == DATA:
                watch.records.append((now_s, received[3]))
            else:
                self._mind(watch, sock, received)
                if watch.socket is None:
                    return

    def _mind(
        self, watch: Watch, sock: socket.socket, received: tuple[int, int, int, bytes]
    ) -> None:
        """Answer a frame that carries no data, or notice that the watch is over."""
        kind, flags, _, _ = received
        if kind == RST_STREAM:
            self._end(watch, "reset")
        elif kind == HEADERS and flags & END_STREAM:
            status = status_from_headers(received)
            self._end(watch, "no status" if status is None else STATUSES[status])
        elif kind != GOAWAY:
            said = answer(received)
            if said:
                sock.send(said)

    def _end(self, watch: Watch, why: str) -> None:
        self.broken[why] += 1
        if watch.socket is not None:
            self.watch_by_fd.pop(watch.socket.fileno(), None)
            watch.socket.close()
            watch.socket = None
        due_s = time.monotonic() + REOPEN_S * random.uniform(0.5, 1.5)
        self.unopened.append((due_s, watch))

    def _report(self, command: Report) -> Reported:
        cpu_s = time.process_time() - self.reported_cpu_s
        heard, reader = Heard(), Reader()
        for watch in self.watches:
            newest = command.newest[watch.cluster_id]
            watch.knowledge.follow(watch.records, newest, command.sent_s, heard, reader)
            watch.records = []
        reported = Reported(heard, dict(self.broken), cpu_s)
        self.broken.clear()
        self.reported_cpu_s = time.process_time()
        return reported


def receive(pipe: Connection) -> None:
    """Body of the receiving process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that conducts ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()  # it would look at everything that is kept, again and again
    Receiver(pipe).run()
