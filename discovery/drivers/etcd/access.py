"""What can be asked of etcd, and what it answers; ``EtcdClient`` is the real one.

A revision is etcd's count of changes, over all keys. A history is one life of an etcd
cluster: revisions of two histories cannot be compared.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Head:
    """Where etcd is now.

    Attributes:
        member: which of its members answered.
        history: ID of the etcd cluster.
        revision: nothing that was ever confirmed before is newer.
    """

    member: str
    history: int
    revision: int


@dataclass(frozen=True, slots=True)
class Stored:
    """One key as it is.

    Attributes:
        key: whole, with its prefix.
        value: what it holds; None if it was deleted.
        mod_revision: of its last change, or of its deletion.
    """

    key: bytes
    value: bytes | None
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Page:
    """Part of everything below a prefix, all of one instant.

    Attributes:
        history: ID of the etcd cluster.
        revision: the instant.
        keys: in order of the key.
    """

    history: int
    revision: int
    keys: tuple[Stored, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in the order they happened.

    Attributes:
        keys: as each change left it; none: the watch stands.
        revision: every change up to here has been told; 0: says nothing.
    """

    keys: tuple[Stored, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write.

    Attributes:
        changed: whether the key was changed by it.
        revision: of the change, if there was one.
        found: of the last change of the key, if a deletion was not done; 0: no key.
    """

    changed: bool
    revision: int
    found: int = 0


class Etcd(Protocol):
    """An etcd cluster; every call ends within seconds, but for a watch.

    Every call raises ``EtcdError``; after one that writes, nobody knows whether the
    write happened.
    """

    async def head(self, prefix: bytes) -> Head:
        """Ask any member where etcd is; the answer had a quorum."""

    async def remembers(self, change: Stored) -> bool:
        """Tell whether a key was set so at that revision of etcd's history.

        Raises:
            Compacted: etcd has forgotten what was before.
        """

    async def probe(self, prefix: bytes, member: str) -> None:
        """Ask one member the same; raises if it is not well."""

    def pages(self, prefix: bytes) -> AsyncGenerator[Page, None]:
        """Read everything below a prefix; at least one page.

        Raises:
            Compacted: it took too long; begin again.
        """

    def watch(
        self, prefix: bytes, revision: int, member: str
    ) -> AsyncGenerator[Batch, None]:
        """Tell every change below a prefix, from a revision on.

        The first batch is empty and comes at once. Never ends but by an error.

        Raises:
            Compacted: etcd has forgotten changes since then.
        """

    async def put(self, key: bytes, value: bytes, if_revision: int) -> Outcome:
        """Set a key, if its last change is the one given; 0: if it does not exist."""

    async def delete(self, key: bytes, if_revision: int) -> Outcome:
        """Remove a key, if its last change is the one given."""

    async def renew(self) -> None:
        """Take what changed on disk, such as certificates, into use."""
