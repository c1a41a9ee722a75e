"""What the check of one setting may know of the others, and how it refuses."""

from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

MUST_BE_TEXT: Final = "must be text; put it in quotes"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a check must know of the rest of the configuration.

    Attributes:
        legacy: the v1alpha1 document is read, which forgives what is not used.
        kubespan: KubeSpan is enabled there.
        service: a discovery service is enabled there.
        mesh: the cluster's mesh /64; None without a cluster ID.
    """

    legacy: bool = False
    kubespan: bool = False
    service: bool = False
    mesh: IPv6Network | None = None


def circumstances(info: ValidationInfo) -> Circumstances:
    """Return what the validation was told, or nothing."""
    return info.context if isinstance(info.context, Circumstances) else Circumstances()


def refusal(text: str, at: str = "") -> PydanticCustomError:
    """Return an error with exactly this text, about the key ``at`` of a mapping."""
    return PydanticCustomError("refused", "{text}", {"text": text, "at": at})


def text_of(value: object) -> str:
    """Return a value that must be text."""
    if not isinstance(value, str):
        raise refusal(MUST_BE_TEXT)
    return value
