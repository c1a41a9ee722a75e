"""Where resources meet the world: sources, sinks and feeds."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from kubespan.engine.controller import View
from kubespan.engine.resource import Kind, R


class Publisher(Protocol):
    """What a source is handed to say what it saw."""

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        """Make ``values`` all that this source says of ``kind``."""
        ...

    def patch(
        self, kind: type[R], put: Iterable[R] = (), remove: Iterable[str] = ()
    ) -> None:
        """Add, change and remove some; cost O(change)."""
        ...

    def warn(self, subject: str, text: str) -> None:
        """Tell operators something; an empty text withdraws it."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """One row of the wiring: something that is observed.

    Attributes:
        writes: kinds it delivers; each must be delivered once, even if empty.
        run: observes for ever; raises ``DriverError`` to be started again later.
    """

    name: str
    writes: tuple[Kind, ...]
    run: Callable[[Publisher], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sink:
    """One row of the wiring: how one kind of thing is kept as desired.

    Attributes:
        reads: kinds the desired state is made of.
        desired: pure; from the view to the desired state.
        observe: the actual state; only what carries our mark.
        diff: pure; false when nothing needs doing.
        apply: does it; may raise ``DriverError``, then it is looked at again.
        after: sinks that must have converged first.
        resync_s: how long to trust the host without looking.
    """

    name: str
    reads: tuple[Kind, ...]
    desired: Callable[[View], Any]
    observe: Callable[[], Awaitable[Any]]
    diff: Callable[[Any, Any], Any]
    apply: Callable[[Any], Awaitable[None]]
    after: tuple[str, ...] = ()
    resync_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Feed:
    """One row of the wiring: a conversation that is told what is desired.

    Attributes:
        deliver: called with a view whenever a kind it reads changed; must not block.
    """

    name: str
    reads: tuple[Kind, ...]
    deliver: Callable[[View], None]
