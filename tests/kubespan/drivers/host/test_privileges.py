import subprocess
import sys

import pytest

from kubespan.drivers.host.privileges import require_net_admin
from kubespan.errors import DriverError


def test_net_admin_is_found_among_the_effective_capabilities(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000001000\n")

    require_net_admin("run the mesh", status)


def test_missing_net_admin_is_refused_with_what_to_do(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000000fff\n")

    with pytest.raises(DriverError, match=r"run the mesh: needs root.*sudo"):
        require_net_admin("run the mesh", status)


def test_kernel_that_does_not_say_is_tried(tmp_path):
    require_net_admin("run the mesh", tmp_path / "none")


def test_network_of_an_outer_user_namespace_is_refused(tmp_path):
    # what `unshare --user --map-root-user` gives: every capability, over nothing
    script = """
from kubespan.drivers.host.privileges import require_net_admin
require_net_admin("run the mesh")
"""
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "no power over the network it sees" in done.stderr


def test_no_core_file_will_hold_a_key():
    script = """
import resource
from kubespan.drivers.host.privileges import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE))
"""

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "(0, 0)\n"
