"""Asks the daemon over its unix socket."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from kubespan.api import management_pb2 as pb
from kubespan.api import management_pb2_grpc
from kubespan.errors import ControlError

TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 64 * 1024 * 1024


class Client:
    """A connection to one daemon.

    Args:
        socket: the daemon's unix socket.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        options = [("grpc.max_receive_message_length", ANSWER_MAX_BYTES)]
        self._channel = grpc.insecure_channel(f"unix:{socket}", options=options)
        self._stub: Any = management_pb2_grpc.ManagementStub(self._channel)  # type: ignore[no-untyped-call]  # generated

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def list(self, kind: str, namespace: str = "") -> pb.ListResponse:
        """Return all resources of a type."""
        with self._errors():
            request = pb.ListRequest(type=kind, namespace=namespace)
            answer: pb.ListResponse = self._stub.List(request, timeout=TIMEOUT_S)
            return answer

    def get(self, kind: str, resource_id: str, namespace: str = "") -> pb.GetResponse:
        """Return one resource; ``ControlError`` if there is none."""
        with self._errors():
            request = pb.GetRequest(type=kind, namespace=namespace, id=resource_id)
            answer: pb.GetResponse = self._stub.Get(request, timeout=TIMEOUT_S)
            return answer

    def watch(
        self, kind: str, resource_id: str = "", namespace: str = ""
    ) -> Iterator[pb.WatchEvent]:
        """Yield what there is, then every change, until the daemon stops."""
        with self._errors():
            request = pb.WatchRequest(type=kind, namespace=namespace, id=resource_id)
            yield from self._stub.Watch(request)

    def types(self) -> pb.TypesResponse:
        """Return the types the daemon serves."""
        with self._errors():
            answer: pb.TypesResponse = self._stub.Types(
                pb.TypesRequest(), timeout=TIMEOUT_S
            )
            return answer

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what an operator can do instead of what gRPC calls it."""
        try:
            yield
        except grpc.RpcError as error:
            raise _control_error(error, self._socket) from error


class DaemonUnreachableError(ControlError):
    """Nobody answers on the socket."""


def _control_error(error: grpc.RpcError, socket: Path) -> ControlError:
    code, details = error.code(), error.details() or ""
    if code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return ControlError(details)
    if _is_absent(socket):
        text = f"no daemon listens on {socket}; is `kubespan run` running?"
    elif not os.access(socket, os.R_OK | os.W_OK, effective_ids=True):
        text = f"{socket}: permission denied; use root or the group kubespan"
    else:
        text = f"the daemon does not answer on {socket}: {details}"
    return DaemonUnreachableError(text)


def _is_absent(socket: Path) -> bool:
    try:
        return not socket.exists()
    except PermissionError:
        return False  # in a directory we may not look into
