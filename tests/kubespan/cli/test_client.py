import os
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from kubespan.cli.client import Client, DaemonUnreachableError
from kubespan.engine.store import Store
from kubespan.errors import ControlError
from kubespan.model.affiliate import Affiliate
from tests.kubespan.cli.support import serving


def test_no_daemon_is_said_with_what_to_do(tmp_path):
    with (
        closing(Client(tmp_path / "none")) as client,
        pytest.raises(DaemonUnreachableError, match="kubespan run"),
    ):
        client.list("members")


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: cannot be somebody else")
@pytest.mark.parametrize("name", ["s", "closed/s"])
def test_socket_one_may_not_use_is_said_with_what_to_do(name):
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder, name)
        Path(folder).chmod(0o755)
        Path(folder, "closed").mkdir(mode=0o700)
        with serving(Store(), socket):
            os.seteuid(65534)
            try:
                with (
                    closing(Client(socket)) as client,
                    pytest.raises(ControlError) as said,
                ):
                    client.list("members")
            finally:
                os.seteuid(0)

    assert "permission denied; use root or the group kubespan" in str(said.value)


def test_what_the_daemon_refuses_is_told_in_its_words(tmp_path):
    with (
        serving(Store(), tmp_path / "s"),
        closing(Client(tmp_path / "s")) as client,
        pytest.raises(ControlError, match="no resource type"),
    ):
        client.list("nonsense")


def test_list_get_types_and_watch_answer(tmp_path):
    store = Store()
    store.replace(Affiliate, "affiliate", [Affiliate("x")], 1)

    with serving(store, tmp_path / "s"), closing(Client(tmp_path / "s")) as client:
        listed = client.list("affiliates")
        got = client.get("affiliates", "x")
        types = client.types()
        watch = client.watch("affiliates")
        first = next(watch)
        watch.close()

    assert listed.resources[0].affiliate.node_id == "x"
    assert got.resource.metadata.id == "x"
    assert len(types.types) > 10
    assert first.resource.metadata.id == "x"
