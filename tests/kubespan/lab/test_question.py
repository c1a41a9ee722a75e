"""Asking a daemon."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from kubespan.api import management_pb2 as pb
from kubespan.api import management_pb2_grpc
from kubespan.lab.errors import LabError
from kubespan.lab.question import peer_states

STATES = {"node-2": pb.up, "node-3": pb.unknown, "node-4": pb.down}


class FakeManagement(management_pb2_grpc.ManagementServicer):
    def List(self, request, context):  # noqa: N802 - the service's word
        assert request.type == "KubeSpanPeerStatuses.kubespan.talos.dev"
        statuses = [
            pb.KubeSpanPeerStatus(label=label, state=state)
            for label, state in STATES.items()
        ]
        resources = [pb.Resource(kubespan_peer_status=status) for status in statuses]
        return pb.ListResponse(resources=resources)


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "daemon.sock"
    server = grpc.server(ThreadPoolExecutor(1))
    management_pb2_grpc.add_ManagementServicer_to_server(FakeManagement(), server)
    server.add_insecure_port(f"unix:{path}")
    server.start()
    yield path
    server.stop(None).wait()


def test_states_are_known_by_label(socket: Path) -> None:
    assert peer_states(socket) == {
        "node-2": "up",
        "node-3": "unknown",
        "node-4": "down",
    }


def test_no_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no answer"):
        peer_states(tmp_path / "nobody.sock")
