"""Listening on a wire."""

from pathlib import Path

import pytest

from kubespan.lab.capture import read_frames
from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.ping import PAYLOAD, ping
from kubespan.lab.tap import listening
from kubespan.lab.topology import LabSpec

NAME = "taptest"
pytestmark = pytest.mark.netns


def test_what_passes_is_captured_and_the_file_removed(tmp_path: Path) -> None:
    file = tmp_path / "wire.pcap"
    spec = LabSpec(NAME, 2, 0)

    with Lab.create(spec, start=False, replace_running=True) as lab:
        with listening(lab.internet, "node-1", "icmp", file) as tap:
            ping(lab.node("node-1").place, "198.18.2.2", count=3)
        with pytest.raises(LabError, match="tcpdump does not start"):  # noqa: SIM117 - one block per tap
            with listening(lab.internet, "no-such-link", "icmp", file):
                pass

    frames = read_frames(tap.content)
    assert len(frames) == 6
    assert all(PAYLOAD in frame for frame in frames)
    assert not file.exists()
