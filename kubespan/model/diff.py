"""Change as a value: what must be created, updated and deleted."""

from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Diff(Generic[K, V]):
    """Three disjoint parts; false when nothing needs doing.

    Attributes:
        create, update: what is desired, by key.
        delete: what is there and not desired, by key.
    """

    create: dict[K, V]
    update: dict[K, V]
    delete: dict[K, V]

    def __bool__(self) -> bool:
        return bool(self.create or self.update or self.delete)

    def __str__(self) -> str:
        parts = (("+", self.create), ("~", self.update), ("-", self.delete))
        return " ".join(f"{sign}{key}" for sign, part in parts for key in part)
