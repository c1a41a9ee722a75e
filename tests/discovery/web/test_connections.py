from dataclasses import dataclass, field

from discovery.state.limits import NS_PER_S
from discovery.web.connections import ABORT_NS, CLOSE_NS, Connections


@dataclass(eq=False)
class FakeTransport:
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass(eq=False)
class FakeConnection:
    transport: FakeTransport | None = field(default_factory=FakeTransport)
    closing: bool = False

    def close(self) -> None:
        self.closing = True


class FakeServer:
    """What the HTTP library calls a server: it makes protocols and remembers them."""

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []

    def __call__(self) -> FakeConnection:
        self.connections.append(FakeConnection())
        return self.connections[-1]


def test_connection_beyond_the_maximum_is_cut_at_once() -> None:
    server = FakeServer()
    connections = Connections(server, 2)  # type: ignore[arg-type] # a fake

    accepted = [connections.accept() for _ in range(3)]

    assert accepted[:2] == server.connections
    transport = FakeTransport()
    accepted[2].connection_made(transport)  # type: ignore[arg-type] # a fake
    assert transport.aborted


def test_place_of_a_connection_that_ended_is_free() -> None:
    server = FakeServer()
    connections = Connections(server, 1)  # type: ignore[arg-type] # a fake
    connections.accept()
    server.connections.clear()

    assert connections.accept() in server.connections


def test_old_connection_is_asked_to_end_and_then_ended() -> None:
    server = FakeServer()
    connections = Connections(server, 9)  # type: ignore[arg-type] # a fake
    old = connections.accept()

    connections.end_old(0)
    connections.end_old(CLOSE_NS - 1)
    assert not old.closing
    young = connections.accept()
    connections.end_old(CLOSE_NS)
    assert old.closing
    assert not old.transport.aborted
    connections.end_old(ABORT_NS)

    assert old.transport.aborted
    assert not young.closing


def test_connection_that_is_gone_is_forgotten() -> None:
    server = FakeServer()
    connections = Connections(server, 9)  # type: ignore[arg-type] # a fake
    gone = connections.accept()
    gone.transport = None
    connections.end_old(0)

    connections.end_old(ABORT_NS + NS_PER_S)
    server.connections.clear()
    connections.end_old(ABORT_NS + 2 * NS_PER_S)

    assert connections._seen_ns == {}
