"""Kernel switches as they were seen, and what is to be done about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SysctlValue:
    """A kernel switch that exists, as it was seen.

    Attributes:
        name: path below ``/proc/sys`` with slashes.
        value: its text, fields separated by one space.
    """

    name: str
    value: str

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.name


@dataclass(frozen=True, slots=True)
class SysctlChange:
    """What a switch was before we set it, and what we set it to."""

    original: str
    ours: str


@dataclass(frozen=True, slots=True)
class SysctlState:
    """The switches as they are.

    Attributes:
        values: by name; a switch this kernel does not have is missing.
        changed: those we set since the host started, by name.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, SysctlChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SysctlPlan:
    """What to do; false when nothing needs doing.

    Attributes:
        write: new values by name.
        restore: names to set back to what they were before us, sorted.
    """

    write: Mapping[str, str]
    restore: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.write or self.restore)

    def __str__(self) -> str:
        written = [f"{name}={value}" for name, value in self.write.items()]
        return " ".join([*written, *(f"-{name}" for name in self.restore)])
