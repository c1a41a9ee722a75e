"""What it means when etcd does not do what it was asked, in words.

Source: vip.md 2.8.
"""

from typing import Final

import grpc

DETAIL_CHARACTERS_MAX: Final = 160
_COMPACTED: Final = "required revision has been compacted"

# Another member of the same cluster would say the same.
_SAID_BY_ALL: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


class EtcdError(Exception):
    """etcd did not do it, or nobody knows whether it did.

    Attributes:
        is_final: another member would say the same.
        is_too_much: asking for less may help.
    """

    def __init__(
        self, text: str, *, is_final: bool = False, is_too_much: bool = False
    ) -> None:
        super().__init__(text)
        self.is_final = is_final
        self.is_too_much = is_too_much


class Compacted(EtcdError):  # noqa: N818 - a state of etcd, not a mistake
    """The history asked for is forgotten; only listing everything helps."""


def failure_from_grpc(member: str, error: grpc.aio.AioRpcError) -> EtcdError:
    """Return what a failed call means; its text names the member and is bounded."""
    details = (error.details() or "").partition("\n")[0]
    if _COMPACTED in details:
        return Compacted(f"{member}: {details[:DETAIL_CHARACTERS_MAX]}", is_final=True)
    if "last error: " in details:  # gRPC names the address three times
        details = details.rpartition(": ")[2].lower()
    said = details.removeprefix("etcdserver: ")[:DETAIL_CHARACTERS_MAX]
    reason = said or error.code().name.lower().replace("_", " ")
    return EtcdError(
        f"{member}: {reason}",
        is_final=error.code() in _SAID_BY_ALL,
        is_too_much=error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
