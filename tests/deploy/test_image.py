"""The image's build steps and its entry point, carried out for real."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from discovery.api.storage_pb2 import StateSnapshot
from tests.deploy.containerfile import read_containerfile
from tests.deploy.image import PATIENCE_S, UID, Image, inside
from tests.deploy.manifests import ROOT

pytestmark = pytest.mark.netns

HEALTH_CHECK = read_containerfile().health_check()
UPDATE = """
import grpc
from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
with grpc.insecure_channel("127.0.0.1:3000") as channel:
    request = pb.AffiliateUpdateRequest(cluster_id="c", affiliate_id="a")
    request.affiliate_data = b"sealed"
    request.ttl.seconds = 600
    ClusterStub(channel).AffiliateUpdate(request, timeout=10)
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    # the image's user has to get there
    for parent in [folder, *folder.parents][:3]:
        parent.chmod(0o755)
    made = Image(folder)
    made.build()
    return made


def until_healthy(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while inside(process, *HEALTH_CHECK) != 0:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "it never became healthy"


def publish(process: subprocess.Popen[str]) -> None:
    command = ["nsenter", f"--target={process.pid}", "--net"]
    subprocess.run(
        [*command, sys.executable, "-c", UPDATE], cwd=ROOT, check=True, timeout=60
    )


def status(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (x.partition(":") for x in lines)}


def test_image_has_the_service_and_not_the_daemon(image: Image):
    programs = {path.name for path in (image.program / "bin").iterdir()}

    assert "kubespan-discovery" in programs
    assert not {"kubespan", "kubespanctl", "pip", "pip3"} & programs
    assert not list(image.program.glob("lib/python3*/site-packages/kubespan"))


def test_it_serves_without_root_and_keeps_what_it_was_told(image: Image):
    with image.running() as process:
        until_healthy(process)
        publish(process)
        seen = status(process)
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)

    snapshot = StateSnapshot.FromString((image.state / "state.binpb").read_bytes())
    assert code == 0
    assert [cluster.id for cluster in snapshot.clusters] == ["c"]
    assert seen["Uid"] == [UID] * 4
    assert seen["CapEff"] == seen["CapBnd"] == ["0000000000000000"]
    assert seen["NoNewPrivs"] == ["1"]


def test_pages_are_in_the_image(image: Image):
    ask = "import sys, urllib.request as r; r.urlopen(sys.argv[1])"
    pages = "http://127.0.0.1:3001"
    with image.running("--snapshots-enabled=false") as process:
        until_healthy(process)
        names = ("/", "/inspect", "/missing")
        codes = {
            p: inside(process, HEALTH_CHECK[0], "-c", ask, pages + p) for p in names
        }

    assert codes == {"/": 0, "/inspect": 0, "/missing": 1}


def test_it_can_write_nothing_but_its_state(image: Image):
    attempt = 'import sys; open(sys.argv[1] + "/new", "w")'
    python = HEALTH_CHECK[0]
    with image.running("--snapshots-enabled=false") as process:
        until_healthy(process)
        places = ("/", "/tmp", "/opt/kubespan-discovery", "/var/discovery-service")
        codes = {p: inside(process, python, "-c", attempt, p) for p in places}

    assert codes == dict.fromkeys(places[:3], 1) | {places[3]: 0}


def test_health_check_fails_when_nobody_answers(image: Image):
    with image.running("--metrics-addr=:2199") as process:
        until_listening = [
            "-c",
            "import socket; socket.create_connection(('127.0.0.1', 2199))",
        ]
        deadline = time.monotonic() + PATIENCE_S
        while inside(process, HEALTH_CHECK[0], *until_listening) != 0:
            assert time.monotonic() < deadline

        assert inside(process, *HEALTH_CHECK) != 0
