from contextlib import closing

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
