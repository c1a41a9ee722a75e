"""WireGuard keys: 32 raw bytes, written as 44 base64 characters."""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

KEY_BYTES: Final = 32


def _raw_from_base64(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{what}: not base64") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"{what}: {len(raw)} bytes, not {KEY_BYTES}")
    return raw


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """A Curve25519 public key; also the name by which a peer is known."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"public key: {len(self.raw)} bytes, not {KEY_BYTES}")

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Parse 44 base64 characters; ``ValueError`` if they are anything else."""
        return cls(_raw_from_base64(text, "public key"))

    def __str__(self) -> str:
        return _public_text(self.raw)


@lru_cache(maxsize=4096)
def _public_text(raw: bytes) -> str:
    # a key names its peer in every set of resources: asked for all the time
    return base64.b64encode(raw).decode()


@dataclass(frozen=True, slots=True)
class SecretKey:
    """32 secret bytes: a private key or the cluster secret. Never shows itself.

    Attributes:
        raw: 32 bytes; read only where a driver or a cipher needs them.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"secret: {len(self.raw)} bytes, not {KEY_BYTES}")

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Parse 44 base64 characters; the ``ValueError`` never quotes them."""
        return cls(_raw_from_base64(text, "secret"))

    def to_base64(self) -> str:
        """Return 44 base64 characters, for the one place that must write them."""
        return base64.b64encode(self.raw).decode()

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__
