"""Ask a daemon how its peers are: often, so without a program for each answer."""

from pathlib import Path
from typing import Any

import grpc

from kubespan.api import management_pb2 as pb
from kubespan.api import management_pb2_grpc
from kubespan.lab.errors import LabError

TIMEOUT_S = 5.0


def peer_states(socket: Path) -> dict[str, str]:
    """Return the state of each peer by its label; may be empty.

    Raises:
        LabError: no daemon answers on `socket`.
    """
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        stub: Any = management_pb2_grpc.ManagementStub(channel)  # type: ignore[no-untyped-call]  # generated
        request = pb.ListRequest(type="KubeSpanPeerStatuses.kubespan.talos.dev")
        try:
            answer: pb.ListResponse = stub.List(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise LabError(f"{socket}: no answer") from error
    found = [resource.kubespan_peer_status for resource in answer.resources]
    return {status.label: pb.PeerState.Name(status.state) for status in found}
