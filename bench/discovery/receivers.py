"""The receiving processes, as the one that conducts a measurement sees them."""

import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final

from bench.discovery.commands import Address, Open, Report, Reported, Settle
from bench.discovery.knowledge import Heard
from bench.discovery.watchers import receive

OPEN_LIMIT_S: Final = 120.0
REPORT_LIMIT_S: Final = 600.0


class ReceiverError(Exception):
    """Watches could not be opened, or the receiving process is gone."""


class Receivers:
    """Watchers, spread over some processes."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def open(
        self,
        address: Address,
        cluster_ids: list[str],
        affiliates: int,
        metadata: list[dict[str, str]],
    ) -> float:
        """Open one watch per entry; return how long it took until all had a snapshot.

        Raises:
            ReceiverError: not all did.
        """
        step = len(self._pipes)
        for first, pipe in enumerate(self._pipes):
            part = slice(first, None, step)
            pipe.send(Open(address, cluster_ids[part], affiliates, metadata[part]))
        return max(float(str(reply)) for reply in self._replies(OPEN_LIMIT_S))

    def settle(self, quiet_s: float, limit_s: float) -> None:
        """Return once nothing has arrived for a while."""
        for pipe in self._pipes:
            pipe.send(Settle(quiet_s, limit_s))
        list(self._replies(limit_s + quiet_s + OPEN_LIMIT_S))

    def report(
        self, newest: Mapping[str, list[int]], sent_s: Mapping[int, float]
    ) -> Reported:
        """Return what was heard since the last report."""
        for pipe in self._pipes:
            pipe.send(Report(newest, sent_s))
        heard, broken, cpu_s = Heard(), dict[str, int](), 0.0
        for reply in self._replies(REPORT_LIMIT_S):
            if isinstance(reply, Reported):
                heard.add(reply.heard)
                cpu_s += reply.cpu_s
                for status, count in reply.broken.items():
                    broken[status] = broken.get(status, 0) + count
        return Reported(heard, broken, cpu_s)

    def _replies(self, limit_s: float) -> Iterator[object]:
        until_s = time.monotonic() + limit_s
        for pipe in self._pipes:
            if not pipe.poll(max(until_s - time.monotonic(), 0)):
                raise ReceiverError(f"watchers are not ready after {limit_s:g} s")
            yield pipe.recv()


@contextmanager
def receiving(processes: int) -> Iterator[Receivers]:
    """Run receiving processes; their watches end with the block."""
    context = multiprocessing.get_context("fork")
    pipes, running = [], []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        process = context.Process(target=receive, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        running.append(process)
    try:
        yield Receivers(pipes)
    finally:
        for pipe in pipes:
            _say_goodbye(pipe)
        for process in running:
            process.join(5)
            process.kill()


def _say_goodbye(pipe: Connection) -> None:
    try:
        pipe.send(None)
    except OSError:
        return
