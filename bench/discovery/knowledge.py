"""What a watcher knew at which instant; pure.

Received bytes are only kept while a server is measured and read afterwards, so that
reading them takes no processor time from the server and delays no later message.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from bench.discovery.messages import Mark, read_watch_message

PREFIX_BYTES = 5

Record = tuple[float, bytes | None]
"""When something arrived, in monotonic seconds; None: the watch was opened anew."""


@dataclass(slots=True)
class Heard:
    """What some watchers were sent in one phase.

    Attributes:
        messages: without the snapshots.
        affiliates: in these messages.
        snapshots: first messages of a watch.
        bytes: of all messages, as they are before HTTP/2.
        complete_s: one instant per watcher: when it knew the newest state of every
            affiliate of its cluster; ``-inf`` if it did before, ``inf`` if it does not.
        delays_s: from the moment an update was sent until a watcher had it.
    """

    messages: int = 0
    affiliates: int = 0
    snapshots: int = 0
    bytes: int = 0
    complete_s: list[float] = field(default_factory=list)
    delays_s: "array[float]" = field(default_factory=lambda: array("f"))

    def add(self, other: "Heard") -> None:
        """Count what other watchers heard in."""
        self.messages += other.messages
        self.affiliates += other.affiliates
        self.snapshots += other.snapshots
        self.bytes += other.bytes
        self.complete_s += other.complete_s
        self.delays_s += other.delays_s


class Reader:
    """Reads messages; each distinct one once, as watchers of a cluster get the same."""

    def __init__(self) -> None:
        self._marks_by_message: dict[bytes, tuple[Mark, ...]] = {}

    def marks(self, message: bytes) -> tuple[Mark, ...]:
        """Return which affiliates a message speaks of."""
        marks = self._marks_by_message.get(message)
        if marks is None:
            marks = self._marks_by_message[message] = read_watch_message(message)
        return marks


class Knowledge:
    """What one watcher knows, from phase to phase.

    Args:
        affiliates: of its cluster.
    """

    __slots__ = ("_rest", "_versions", "_waits_for_snapshot")

    def __init__(self, affiliates: int) -> None:
        self._versions = [0] * affiliates
        self._rest = bytearray()
        self._waits_for_snapshot = False

    def follow(
        self,
        records: Iterable[Record],
        newest: list[int],
        sent_s: Mapping[int, float],
        heard: Heard,
        reader: Reader,
    ) -> None:
        """Go through what arrived in a phase and count it in.

        Args:
            records: in the order they arrived.
            newest: version by index of affiliate, once the phase was over.
            sent_s: when each version of the phase was sent.
            heard: is added to.
            reader: of all watchers.
        """
        missing = self._missing(newest)
        complete_s = inf if missing else -inf
        for now_s, payload in records:
            if payload is None:
                self._forget()
                missing, complete_s = self._missing(newest), inf
                continue
            for message in self._messages(payload):
                self._count(message, heard)
                marks = reader.marks(message)
                heard.affiliates += 0 if self._waits_for_snapshot else len(marks)
                self._waits_for_snapshot = False
                for index, version in marks:
                    self._learn(index, version, now_s, sent_s, heard.delays_s)
                    if version >= newest[index]:
                        missing.discard(index)
                    else:
                        missing.add(index)
                complete_s = inf if missing else min(complete_s, now_s)
        heard.complete_s.append(complete_s)

    def _count(self, message: bytes, heard: Heard) -> None:
        heard.bytes += len(message)
        if self._waits_for_snapshot:
            heard.snapshots += 1
        else:
            heard.messages += 1

    def _learn(
        self,
        index: int,
        version: int,
        now_s: float,
        sent_s: Mapping[int, float],
        delays_s: "array[float]",
    ) -> None:
        if version > self._versions[index] and version in sent_s:
            delays_s.append(now_s - sent_s[version])
        self._versions[index] = version

    def _missing(self, newest: list[int]) -> set[int]:
        known = self._versions
        return {index for index, last in enumerate(newest) if known[index] < last}

    def _forget(self) -> None:
        self._versions = [0] * len(self._versions)
        self._rest.clear()
        self._waits_for_snapshot = True

    def _messages(self, payload: bytes) -> list[bytes]:
        """Return the gRPC messages that are complete now."""
        rest = self._rest
        rest += payload
        messages, at = [], 0
        while len(rest) - at >= PREFIX_BYTES:
            stop = at + PREFIX_BYTES + int.from_bytes(rest[at + 1 : at + PREFIX_BYTES])
            if stop > len(rest):
                break
            messages.append(bytes(rest[at + PREFIX_BYTES : stop]))
            at = stop
        del rest[:at]
        return messages
