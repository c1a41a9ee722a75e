import asyncio
import json
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.drivers.kubernetes import cache as kubernetes_cache
from kubespan.drivers.kubernetes.cache import (
    AFFILIATES_FILE,
    NODE_FILE,
    KubernetesCache,
)
from kubespan.errors import StateError
from kubespan.model.affiliate import Affiliate, ControlPlane, MachineType
from kubespan.model.host import KubernetesNode
from tests.builders import CLUSTER_ID, a_mesh_part, an_affiliate, endpoints, prefixes

NODE = KubernetesNode("node-a", prefixes("10.244.1.0/24", "fd00:1::/64"))
AFFILIATES = (
    an_affiliate("b"),
    an_affiliate(
        "c",
        machine_type=MachineType.CONTROL_PLANE,
        control_plane=ControlPlane(6443),
        kubespan=a_mesh_part(
            "c",
            additional_addresses=prefixes("10.244.3.1/24"),
            exclude_advertised_networks=prefixes("10.9.0.0/16"),
            endpoints=endpoints("192.0.2.3:1", "[2001:db8::3]:2"),
        ),
    ),
)


def saved(folder: Path, *affiliates: Affiliate, cluster_id: str = CLUSTER_ID) -> Path:
    """Save affiliates at once; return their file."""
    KubernetesCache(folder)._save_affiliates(cluster_id, affiliates, 0)
    return folder / AFFILIATES_FILE


def test_own_node_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    KubernetesCache(tmp_path).save_node(NODE)

    assert KubernetesCache(tmp_path).load_node() == NODE


def test_affiliates_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    saved(tmp_path, *AFFILIATES)

    assert KubernetesCache(tmp_path).load_affiliates(CLUSTER_ID) == AFFILIATES


def test_another_cluster_has_no_use_for_them(tmp_path: Path) -> None:
    saved(tmp_path, *AFFILIATES, cluster_id="other")

    assert KubernetesCache(tmp_path).load_affiliates(CLUSTER_ID) == ()


def test_without_files_nothing_is_known(tmp_path: Path) -> None:
    cache = KubernetesCache(tmp_path)

    assert cache.load_node() is None
    assert cache.load_affiliates(CLUSTER_ID) == ()


def test_files_are_readable_by_us_alone_and_removed_when_nobody_wants_them(
    tmp_path: Path,
) -> None:
    cache = KubernetesCache(tmp_path)
    cache.save_node(NODE)
    saved(tmp_path, *AFFILIATES)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    for _ in range(2):
        cache.save_node(None)
        cache.forget_affiliates()

    assert modes == {0o600}
    assert list(tmp_path.iterdir()) == []


def test_affiliate_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    odd = replace(AFFILIATES[0], hostname="\ud800")

    saved(tmp_path, odd, AFFILIATES[1])

    assert KubernetesCache(tmp_path).load_affiliates(CLUSTER_ID) == AFFILIATES[1:]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[" * 5000, id="too deep"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"{}", id="nothing in it"),
        pytest.param(b'{"name": "", "podNetworks": []}', id="no name"),
        pytest.param(b'{"name": "a", "podNetworks": ["x/y"]}', id="no network"),
        pytest.param(b'{"name": 1, "podNetworks": [1]}', id="numbers"),
        pytest.param(b" " * ((64 << 10) + 1), id="huge"),
    ],
)
def test_damaged_own_node_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NODE_FILE).write_bytes(content)

    with pytest.raises(StateError, match=r"damaged; ignored|longer than"):
        KubernetesCache(tmp_path).load_node()


@pytest.mark.parametrize(
    "affiliates",
    [
        pytest.param(7, id="a number"),
        pytest.param([7], id="numbers"),
        pytest.param([{"data": "!", "endpoints": []}], id="no base64"),
        pytest.param([{"data": "AAAA", "endpoints": []}], id="no affiliate"),
        pytest.param([{"endpoints": []}], id="no data"),
    ],
)
def test_damaged_affiliates_are_refused(tmp_path: Path, affiliates: object) -> None:
    document = {"clusterID": CLUSTER_ID, "affiliates": affiliates}
    (tmp_path / AFFILIATES_FILE).write_text(json.dumps(document))

    with pytest.raises(StateError, match="damaged; ignored"):
        KubernetesCache(tmp_path).load_affiliates(CLUSTER_ID)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_damage_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("state")
    file = saved(folder, *AFFILIATES)
    content = file.read_bytes()
    file.write_bytes(content[:at] + noise + content[at + len(noise) :])

    with suppress(StateError):
        KubernetesCache(folder).load_affiliates(CLUSTER_ID)


def test_too_much_is_not_kept_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "NODE_MAX_BYTES", 10)

    with pytest.raises(StateError, match="longer than 10 bytes; not kept"):
        KubernetesCache(tmp_path).save_node(NODE)


def test_what_cannot_be_removed_is_said(tmp_path: Path) -> None:
    (tmp_path / NODE_FILE).mkdir()

    with pytest.raises(StateError, match="cannot be removed"):
        KubernetesCache(tmp_path).save_node(None)


async def test_many_changes_are_saved_once_and_a_refusal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "SAVE_DELAY_S", 0.01)
    cache, told = KubernetesCache(tmp_path / "not there yet"), asyncio.Queue()
    running = asyncio.get_running_loop().create_task(cache.run(told.put_nowait))

    cache.keep_affiliates(CLUSTER_ID, ())
    cache.keep_affiliates(CLUSTER_ID, AFFILIATES)
    async with asyncio.timeout(10):
        assert "cannot be written" in await told.get()
    (tmp_path / "not there yet").mkdir()
    cache.keep_affiliates(CLUSTER_ID, AFFILIATES)
    async with asyncio.timeout(10):
        assert await told.get() == ""

    assert cache.load_affiliates(CLUSTER_ID) == AFFILIATES
    assert told.empty()
    running.cancel()


async def test_what_is_forgotten_meanwhile_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "SAVE_DELAY_S", 0.01)
    cache, told = KubernetesCache(tmp_path), asyncio.Queue()
    running = asyncio.get_running_loop().create_task(cache.run(told.put_nowait))

    cache.keep_affiliates(CLUSTER_ID, AFFILIATES)
    cache.forget_affiliates()
    await asyncio.sleep(0.05)

    assert list(tmp_path.iterdir()) == []
    running.cancel()


def test_what_was_forgotten_while_it_was_being_saved_stays_forgotten(tmp_path: Path):
    cache = KubernetesCache(tmp_path)
    begun = cache._forgotten
    cache.forget_affiliates()

    cache._save_affiliates("cluster", (), begun)

    assert list(tmp_path.iterdir()) == []
