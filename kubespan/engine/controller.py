"""A controller is a declaration; a view is its inputs at one instant."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from kubespan.engine.resource import Kind, R, Resource
from kubespan.engine.store import Store

T = TypeVar("T")


@dataclass(slots=True)
class Memo:
    """Answers of a pure function, remembered per key between rounds.

    Only answers asked for in the last round are kept, so it never outgrows the inputs.
    """

    old: dict[Hashable, tuple[Any, Any]] = field(default_factory=dict)
    new: dict[Hashable, tuple[Any, Any]] = field(default_factory=dict)

    def turn(self) -> None:
        """Start a round: what the last one did not ask for is forgotten."""
        self.old, self.new = self.new, {}


class View:
    """What a controller may see: the kinds it declared, at one instant.

    Attributes:
        now_s: monotonic.
        now_ns: wall clock, nanoseconds since the epoch.
        notices: what the controller wants operators to know, text by subject.
    """

    def __init__(
        self,
        store: Store,
        reads: Iterable[Kind],
        now_s: float,
        now_ns: int,
        memo: Memo | None = None,
    ) -> None:
        self._store = store
        self._reads = frozenset(reads)
        self._memo = memo or Memo()
        self.now_s = now_s
        self.now_ns = now_ns
        self.notices: dict[str, str] = {}

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Return every resource of a declared kind, sorted by key."""
        self._require_declared(kind)
        return self._store.values(kind)

    def one(self, kind: type[R]) -> R | None:
        """Return the only resource of a declared kind; None if there is none."""
        values = self.all(kind)
        return values[0] if values else None

    def by_key(self, kind: type[R]) -> Mapping[str, R]:
        """Return the resources of a declared kind by key."""
        self._require_declared(kind)
        entries = self._store.entries(kind)
        return {key: entry.value for key, entry in entries.items()}

    def warn(self, subject: str, text: str) -> None:
        """Tell operators something; it lasts until a round no longer says it."""
        self.notices[subject] = text

    def remember(self, key: Hashable, inputs: Any, compute: Callable[[], T]) -> T:
        """Return ``compute()``, or its last answer for ``key`` if ``inputs`` are equal.

        ``compute`` must depend on ``inputs`` alone; then forgetting changes nothing.
        """
        found = self._memo.new.get(key) or self._memo.old.get(key)
        if found is None or found[0] != inputs:
            found = (inputs, compute())
        self._memo.new[key] = found
        return cast("T", found[1])

    def _require_declared(self, kind: Kind) -> None:
        if kind not in self._reads:
            raise LookupError(f"{kind.__name__} was not declared as read")


@dataclass(frozen=True, slots=True)
class Controller:
    """One row of the wiring: what is read, what is written, and how.

    Attributes:
        name: the file it lives in; also the owner of what it writes.
        reads: kinds it may see; it runs once all of them are decided and then whenever
            one changes. Its own output may be among them: its only memory.
        writes: the one kind it owns.
        reconcile: the whole desired set; None when nothing can be said yet, which
            keeps what was said before.
    """

    name: str
    reads: tuple[Kind, ...]
    writes: Kind
    reconcile: Callable[[View], Iterable[Resource] | None]

    @property
    def inputs(self) -> tuple[Kind, ...]:
        """The kinds read, without its own output."""
        return tuple(kind for kind in self.reads if kind is not self.writes)
