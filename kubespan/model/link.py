"""Our WireGuard links: seen, and what to do about them.

Source:
    kubespan.md sections 4.5 and 4.10.
"""

from dataclasses import dataclass
from enum import StrEnum

from kubespan.model.network import LinkSpec


class LinkKind(StrEnum):
    """What carries a WireGuard link."""

    KERNEL = "kernel"
    USERSPACE = "userspace"


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """A link that carries our mark.

    Attributes:
        answers: the program behind it takes orders; the kernel always does.
    """

    name: str
    kind: LinkKind
    mtu_bytes: int
    up: bool
    answers: bool = True


@dataclass(frozen=True, slots=True)
class LinkChanges:
    """What turns the links seen into those desired; done in this order.

    Attributes:
        delete: also those that are made anew in another way.
        create: none of that name is there, or it is in ``delete``.
        update: MTU and state of those that stay.
    """

    delete: tuple[LinkSeen, ...] = ()
    create: tuple[LinkSpec, ...] = ()
    update: tuple[LinkSpec, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delete or self.create or self.update)

    def __str__(self) -> str:
        parts = (("-", self.delete), ("+", self.create), ("~", self.update))
        return " ".join(f"{sign}{link.name}" for sign, part in parts for link in part)
