"""How to keep a list of Kubernetes objects current: list once, then watch.

::

              page with a token          last page
         ┌────────┐                  ┌──────────────┐   ended: again from the
         ▼        │                  │              ▼   last version seen
     ┌──────────────┐                │         ┌─────────┐
     │     LIST     ├────────────────┘         │  WATCH  │◄─┐
     └──────────────┘                          └────┬────┴──┘
         ▲      410 Gone, as a status or an event   │
         └──────────────────────────────────────────┘

Every failure waits, longer each time; what was known stays known meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from kubespan.errors import WireError
from kubespan.protocol.backoff import Backoff

T = TypeVar("T")

GONE: Final = 410
OBJECTS_MAX: Final = 20_000
"""Four times what Kubernetes supports; a list that goes on beyond is nonsense."""
WATCH_HEALTHY_S: Final = 5.0
"""A watch that ends sooner without any event was as good as refused."""
_TOKEN_MAX_CHARACTERS: Final = 4096
_REASON_MAX_CHARACTERS: Final = 300

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListObjects:
    """Ask for a page; an empty token asks for the first one."""

    continue_token: str


@dataclass(frozen=True, slots=True)
class WatchObjects:
    """Open a watch that begins after this version."""

    resource_version: str


class ObjectWatch(Generic[T]):
    """Told what the API server answers; knows all objects and what to ask next.

    Args:
        decode: from an object to what is kept of it; may raise ``WireError``.
        backoff: waits between failures.

    Attributes:
        objects: what is kept, by object name.
        generation: grows with every change of ``objects``.
        synced: a complete list arrived.
        connected: a watch is open.
        error: the last failure; empty when all is well.
        undecodable: objects without a name or refused by ``decode``, since start.
        due_s: monotonic; not to ask again before.
    """

    def __init__(self, decode: Callable[[Json], T], backoff: Backoff) -> None:
        self.objects: dict[str, T] = {}
        self.generation = 0
        self.synced = False
        self.connected = False
        self.error = ""
        self.undecodable = 0
        self.due_s = 0.0
        self._decode = decode
        self._backoff = backoff
        self._version = ""
        self._token = ""
        self._listing: dict[str, T] = {}
        self._opened_s = 0.0
        self._served = False
        self._progress = True

    @property
    def action(self) -> ListObjects | WatchObjects:
        """Return what to ask once ``due_s`` has come."""
        if self._version:
            return WatchObjects(self._version)
        return ListObjects(self._token)

    def page_arrived(self, page: Json, now_s: float) -> None:
        """Take in one page of a list; the last one replaces what was known."""
        metadata = _mapping(page.get("metadata"))
        version = _text(metadata.get("resourceVersion"))
        token = _text(metadata.get("continue"))
        items = page.get("items")
        if not isinstance(items, list) or not version:
            self.refused(
                "the API server answered with something that is no list", now_s
            )
            return
        for item in items:
            self._take(item, self._listing)
        if len(self._listing) > OBJECTS_MAX:
            self.refused(f"the list has more than {OBJECTS_MAX} objects", now_s)
        elif token:
            self._token = token
        else:
            self._list_completed(version)

    def watch_opened(self, now_s: float) -> None:
        """Note that the API server accepted the watch."""
        self.connected = True
        self.error = ""
        self._opened_s = now_s
        self._served = False

    def event_arrived(self, event: Json, now_s: float) -> bool:
        """Take in one event; false when the watch is over."""
        kind, thing = event.get("type"), _mapping(event.get("object"))
        if kind == "ERROR":
            self._watch_failed(thing, now_s)
            return False
        self._advance(thing)
        if kind in ("ADDED", "MODIFIED"):
            if self._take(thing, self.objects):
                self.generation += 1
        elif kind == "DELETED":
            name = _name(thing)
            if self.objects.pop(name, None) is not None:
                self.generation += 1
        return True

    def watch_ended(self, now_s: float) -> None:
        """Note that the API server closed the watch, as it does every few minutes."""
        if not self.connected:
            return
        self.connected = False
        if self._served or now_s - self._opened_s >= WATCH_HEALTHY_S:
            self._healthy()
            self.due_s = now_s
        else:
            self._wait("the API server closed the watch at once", now_s)

    def connection_failed(self, reason: str, now_s: float) -> None:
        """Note that there was no answer; a watch goes on where it was."""
        self._token = ""
        self._listing = {}
        if self.connected and now_s - self._opened_s >= WATCH_HEALTHY_S:
            self._healthy()
        self._wait(reason, now_s)

    def refused(self, reason: str, now_s: float, status: int = 0) -> None:
        """Note that the API server refused, or answered nonsense: list again later.

        The first 410 after some progress is nothing unusual and is answered at once.
        """
        self._version = self._token = ""
        self._listing = {}
        if status == GONE and self._progress:
            self.connected = self._progress = False
            self.due_s = now_s
        else:
            self._wait(reason, now_s)

    def _list_completed(self, version: str) -> None:
        if self._listing != self.objects or not self.synced:
            self.objects = self._listing
            self.generation += 1
        self._listing = {}
        self._token = ""
        self._version = version
        self.synced = True

    def _watch_failed(self, status: Json, now_s: float) -> None:
        code = status.get("code")
        message = _text(status.get("message")) or "without a reason"
        reason = f"the API server ended the watch: {message[:_REASON_MAX_CHARACTERS]}"
        self.refused(reason, now_s, GONE if code == GONE else 0)

    def _advance(self, thing: Json) -> None:
        version = _text(_mapping(thing.get("metadata")).get("resourceVersion"))
        if version:
            self._version = version
            self._served = True
            self._healthy()

    def _take(self, thing: object, into: dict[str, T]) -> bool:
        """Decode one object into a mapping; say whether that changed anything."""
        fields = _mapping(thing)
        name = _name(fields)
        try:
            value = self._decode(fields) if name else None
        except WireError:
            value = None
        if value is None:
            self.undecodable += 1
            return False
        # An equal value keeps its identity, so that nobody compares it in depth again.
        known = self.objects.get(name)
        into[name] = known if known is not None and known == value else value
        return into[name] is not known

    def _healthy(self) -> None:
        self._progress = True
        self._backoff.reset()

    def _wait(self, reason: str, now_s: float) -> None:
        self.connected = self._progress = False
        self.error = reason
        self.due_s = now_s + self._backoff.next_s()


def _name(thing: Json) -> str:
    return _text(_mapping(thing.get("metadata")).get("name"))


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """Return text of bounded length; anything else is no text."""
    good = isinstance(value, str) and len(value) <= _TOKEN_MAX_CHARACTERS
    return str(value) if good else ""
