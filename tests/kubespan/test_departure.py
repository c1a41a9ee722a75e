from pathlib import Path

import pytest

from kubespan.daemon import Options
from kubespan.departure import tear_down, wipe, withdraw
from kubespan.drivers.entropy import SystemEntropy
from kubespan.drivers.state_dir import StateDir
from kubespan.errors import StateError
from kubespan.model.config import Config


def an_identity(state: Path) -> None:
    with StateDir(state) as opened:
        opened.load_identity(SystemEntropy().random_bytes)


def test_wipe_removes_identity_and_keys_with_their_directory(tmp_path):
    state = tmp_path / "state"
    an_identity(state)

    names = wipe(state)

    assert {"kubespan-identity.yaml", "node-identity.yaml"} <= set(names)
    assert not state.exists()


def test_wipe_leaves_what_it_does_not_know(tmp_path):
    state = tmp_path / "state"
    an_identity(state)
    (state / "mine").mkdir()

    wipe(state)

    assert [path.name for path in state.iterdir()] == ["mine"]


def test_wipe_is_refused_while_a_daemon_runs(tmp_path):
    an_identity(tmp_path)

    with StateDir(tmp_path), pytest.raises(StateError, match="in use"):
        wipe(tmp_path)

    assert (tmp_path / "node-identity.yaml").exists()


async def test_node_that_never_was_has_nothing_to_withdraw(tmp_path):
    options = Options(Path(), tmp_path, Path())

    assert await withdraw(options, Config()) == ()
    assert not (tmp_path / "node-identity.yaml").exists()


@pytest.mark.netns
def test_tables_we_remember_go_without_a_configuration(namespace, tmp_path):
    for table in ("mesh", "kubespan", "stranger"):
        namespace.sh(f"nft add table inet {table}")
    (tmp_path / "nft-table").write_text("mesh\n")
    options = Options(Path(), tmp_path, Path())
    told = []

    namespace.run(lambda: tear_down(options, Config(), told.append))

    assert told == ["firewall: -kubespan -mesh"]
    assert namespace.sh("nft list tables") == "table inet stranger\n"
    assert not (tmp_path / "nft-table").exists()
