import json
from ipaddress import ip_address

import pytest
import yaml
from click.testing import CliRunner

from kubespan.cli.main import kubespanctl
from kubespan.engine.store import Store
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey
from kubespan.model.peer import PeerState, PeerStatus
from tests.kubespan.cli.support import serving

KEY = PublicKey(bytes(32))


@pytest.fixture
def ask(tmp_path):
    """Run kubespanctl against a daemon that knows one peer."""
    store = Store()
    status = PeerStatus(
        public_key=KEY,
        label="w-1",
        endpoint=Endpoint(ip_address("10.2.0.12"), 51820),
        state=PeerState.UP,
        receive_bytes=15932,
        transmit_bytes=16304,
    )
    store.replace(PeerStatus, "peer_status", [status], 1)
    with serving(store, tmp_path / "s"):
        yield lambda *words: CliRunner().invoke(
            kubespanctl, ["--socket", str(tmp_path / "s"), *words]
        )


@pytest.mark.checklist(61)
def test_table_reads_as_talosctl_prints_it(ask):
    # kubespan.md section 7, sample of KubeSpanPeerStatus
    result = ask("get", "kubespanpeerstatuses")

    header, row = result.output.splitlines()
    gap = " " * (len(str(KEY)) - len("ID") + 3)
    assert header == (
        f"NODE     NAMESPACE   TYPE                 ID{gap}VERSION   LABEL   "
        "ENDPOINT          STATE   RX      TX"
    )
    assert row == (
        f"node-1   kubespan    KubeSpanPeerStatus   {KEY}   1         w-1     "
        "10.2.0.12:51820   up      15932   16304"
    )


def test_wide_adds_who_wrote_it_and_when(ask):
    result = ask("get", "kubespanpeerstatuses", "-o", "wide")

    assert result.output.splitlines()[0].endswith("OWNER         UPDATED")
    assert "peer_status" in result.output


def test_json_is_a_list_of_documents(ask):
    (document,) = json.loads(ask("get", "kubespanpeerstatuses", "-o", "json").output)

    assert document["node"] == "node-1"
    assert document["metadata"]["id"] == str(KEY)
    assert document["spec"]["state"] == "up"


def test_yaml_of_one_resource_by_its_id(ask):
    result = ask("get", "kubespanpeerstatus", str(KEY), "-o", "yaml")

    assert yaml.safe_load(result.output)["spec"]["receiveBytes"] == 15932


def test_resource_that_does_not_exist_fails_with_one_line(ask):
    result = ask("get", "members", "nobody")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "no Member" in result.stderr


@pytest.mark.parametrize("word", ["members", "affiliates", "endpoints", "identity"])
def test_shortcut_prints_a_header_even_when_there_is_nothing(ask, word):
    result = ask(word)

    assert result.exit_code == 0
    assert result.output.startswith("NODE   NAMESPACE   TYPE   ID   VERSION")


def test_types_are_listed_with_their_aliases(ask):
    result = ask("types")

    assert "KubeSpanPeerStatuses.kubespan.talos.dev" in result.output


def test_without_a_daemon_the_exit_status_is_3(tmp_path):
    result = CliRunner().invoke(
        kubespanctl, ["--socket", str(tmp_path / "none"), "members"]
    )

    assert result.exit_code == 3
    assert "kubespan run" in result.stderr
