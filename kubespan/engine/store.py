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
        return self._change(kind, owner, put, gone, now_ns)

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
        values = {value.key: value for value in put}
        return self._change(kind, owner, values, set(remove) - values.keys(), now_ns)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` with every batch of events; return how to stop that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _change(
        self,
        kind: Kind,
        owner: str,
        put: Mapping[str, Resource],
        remove: set[str],
        now_ns: int,
    ) -> bool:
        shelf = self._shelf(kind)
        owned = shelf.owners.setdefault(owner, set())
        first = owner in shelf.waiting_for
        shelf.waiting_for.discard(owner)
        events = [
            Event(EventType.DESTROYED, kind, shelf.entries.pop(key))
            for key in sorted(owned & remove)
        ]
        owned -= remove
        for key, value in put.items():
            old = shelf.entries.get(key)
            if old is None or not _is_same(old, owner, value):
                events.append(_put(shelf, kind, owner, (key, value), now_ns))
        if events or first:
            shelf.generation += 1
            shelf.ordered = None
            self._announce(tuple(events))
        return bool(events) or first

    def _announce(self, events: tuple[Event, ...]) -> None:
        for watcher in tuple(self._watchers):
            watcher(events)

    def _shelf(self, kind: Kind) -> _Shelf:
        return self._shelves.setdefault(kind, _Shelf())


def _is_same(entry: Entry[Any], owner: str, value: Resource) -> bool:
    return entry.owner == owner and (entry.value is value or entry.value == value)


def _put(
    shelf: _Shelf, kind: Kind, owner: str, item: tuple[str, Resource], now_ns: int
) -> Event:
    """Store one value that is new or changed; what another owned changes hands."""
    key, value = item
    old = shelf.entries.get(key)
    if old is None:
        entry = Entry(value, owner, 1, now_ns, now_ns)
    else:
        shelf.owners[old.owner].discard(key)
        entry = Entry(value, owner, old.version + 1, old.created_ns, now_ns)
    shelf.owners[owner].add(key)
    shelf.entries[key] = entry
    return Event(EventType.UPDATED if old else EventType.CREATED, kind, entry)
