"""The resources, by kind and owner; a set is replaced at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from kubespan.engine.resource import Kind, R, Resource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A stored resource and its history.

    Attributes:
        version: 1 when created, one more with every change of content.
        created_ns, updated_ns: wall clock.
    """

    value: T
    owner: str
    version: int
    created_ns: int
    updated_ns: int


class EventType(StrEnum):
    """What happened to a resource."""

    CREATED = "created"
    UPDATED = "updated"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class Event:
    """One change; ``entry`` is the last one when the resource is gone."""

    type: EventType
    kind: Kind
    entry: Entry[Any]


Watcher = Callable[[tuple[Event, ...]], None]


@dataclass(slots=True)
class _Shelf:
    """All resources of one kind."""

    owners: dict[str, set[str]] = field(default_factory=dict)
    waiting_for: set[str] = field(default_factory=set)
    entries: dict[str, Entry[Any]] = field(default_factory=dict)
    generation: int = 0
    ordered: tuple[Any, ...] | None = ()


class Store:
    """Holds what sources saw and controllers decided.

    A kind is *decided* once every declared owner has delivered a set, even an empty
    one: the difference between "there are no peers" and "nobody knows yet".
    """

    def __init__(self) -> None:
        self._shelves: dict[Kind, _Shelf] = {}
        self._watchers: list[Watcher] = []

    def declare(self, kind: Kind, owner: str) -> None:
        """Announce that ``owner`` will deliver resources of ``kind``."""
        self._shelf(kind).waiting_for.add(owner)

    def is_decided(self, kind: Kind) -> bool:
        """Tell whether every declared owner of ``kind`` has delivered."""
        return not self._shelf(kind).waiting_for

    def generation(self, kind: Kind) -> int:
        """Return a number that grows with every change within ``kind``."""
        return self._shelf(kind).generation

    def entries(self, kind: type[R]) -> Mapping[str, Entry[R]]:
        """Return what is stored of one kind, by key; do not keep it across changes."""
        return self._shelf(kind).entries

    def values(self, kind: type[R]) -> tuple[R, ...]:
        """Return all resources of one kind, sorted by key."""
        shelf = self._shelf(kind)
        if shelf.ordered is None:
            entries = shelf.entries
            shelf.ordered = tuple(entries[key].value for key in sorted(entries))
        return cast("tuple[R, ...]", shelf.ordered)

    def replace(
        self, kind: type[R], owner: str, values: Iterable[R], now_ns: int
    ) -> bool:
        """Make ``values`` all that ``owner`` has of ``kind``; say if that changed it.

        The first delivery of an owner counts as a change even when it is empty.
        """
        put = {value.key: value for value in values}
        gone = self._shelf(kind).owners.get(owner, set()) - put.keys()
        return self.patch(kind, owner, put.values(), gone, now_ns=now_ns)

    def patch(
        self,
        kind: type[R],
        owner: str,
        put: Iterable[R] = (),
        remove: Iterable[str] = (),
        *,
        now_ns: int,
    ) -> bool:
        """Add, change and remove some resources of an owner; say if anything changed.

        Cost: O(change). Keys of other owners are never removed.
        """
        shelf = self._shelf(kind)
        owned = shelf.owners.setdefault(owner, set())
        first = owner in shelf.waiting_for
        shelf.waiting_for.discard(owner)
        events = [
            event for value in put if (event := _put(shelf, kind, owner, value, now_ns))
        ]
        for key in owned.intersection(remove):
            owned.discard(key)
            events.append(Event(EventType.DESTROYED, kind, shelf.entries.pop(key)))
        if events or first:
            shelf.generation += 1
            shelf.ordered = None
            self._announce(tuple(events))
        return bool(events) or first

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` with every batch of events; return how to stop that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _announce(self, events: tuple[Event, ...]) -> None:
        for watcher in tuple(self._watchers):
            watcher(events)

    def _shelf(self, kind: Kind) -> _Shelf:
        return self._shelves.setdefault(kind, _Shelf())


def _put(
    shelf: _Shelf, kind: Kind, owner: str, value: Resource, now_ns: int
) -> Event | None:
    """Store one value; return the event unless it was there already."""
    old = shelf.entries.get(value.key)
    shelf.owners[owner].add(value.key)
    if old is None:
        entry = Entry(value, owner, 1, now_ns, now_ns)
    elif old.owner == owner and (old.value is value or old.value == value):
        return None
    else:
        shelf.owners[old.owner].discard(value.key)
        shelf.owners[owner].add(value.key)
        entry = Entry(value, owner, old.version + 1, old.created_ns, now_ns)
    shelf.entries[value.key] = entry
    return Event(EventType.UPDATED if old else EventType.CREATED, kind, entry)
