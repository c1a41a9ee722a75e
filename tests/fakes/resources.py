"""Resources that mean nothing, to show how any resource is carried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Apple:
    name: str
    weight: int = 1

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Pear:
    name: str
    weight: int = 1

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Jam:
    name: str
    weight: int = 1

    @property
    def key(self) -> str:
        return self.name
