import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.kubernetes import api as kubernetes_api
from kubespan.drivers.kubernetes import cache as kubernetes_cache
from kubespan.drivers.kubernetes import registry as kubernetes
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.drivers.kubernetes.registry import KubernetesDesired, KubernetesRegistry
from kubespan.errors import DriverError
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate, RegistryAffiliate
from kubespan.model.config import Config, DiscoverySettings, KubeSpanSettings
from kubespan.model.host import KubernetesNode
from kubespan.model.registry import RegistryStatus
from kubespan.wire.kubernetes import annotations_from_affiliate
from tests.fakes.kubernetes_api import FakeKubernetesApi, a_node
from tests.fakes.publisher import FakePublisher

ON = Config(discovery=DiscoverySettings(kubernetes_registry=True))
OFF = Config()
PODS = (ip_interface("10.244.1.0/24"), ip_interface("fd00:1::/64"))
PODS_ONLY = Config(
    kubespan=KubeSpanSettings(enabled=True, advertise_kubernetes_networks=True)
)
OURS = Affiliate(
    node_id="our-id",
    addresses=(ip_address("10.0.0.1"),),
    nodename="ours",
    kubespan=KubeSpanAffiliate(public_key="k", address=ip_address("fd00::1")),
)


def no_wait() -> float:
    """Jitter that makes the first delay 5 ms."""
    return -0.49


def an_affiliate(name: str) -> Affiliate:
    return Affiliate(node_id=f"{name}-id", kubespan=KubeSpanAffiliate(f"{name}-key"))


def a_member(name: str, **spec: object) -> dict:
    return a_node(name, annotations_from_affiliate(an_affiliate(name)), **spec)


class Running:
    """A registry that runs against a fake API server."""

    def __init__(self, api: FakeKubernetesApi, state: Path) -> None:
        self.api = api
        self.publisher = FakePublisher()
        self.unreachable = ""
        self.registry = KubernetesRegistry(SystemClock(), no_wait, state, self._find)

    def _find(self, kubeconfig: str) -> ApiAccess:
        if self.unreachable:
            raise DriverError("find a kubeconfig", self.unreachable)
        return ApiAccess(kubeconfig, self.api.url)

    def deliver(self, config: Config, affiliate: Affiliate | None = OURS) -> None:
        self.registry.deliver(KubernetesDesired(config, affiliate))

    @property
    def node_ids(self) -> list[str]:
        said = self.publisher.said.get(RegistryAffiliate, {})
        return sorted(value.affiliate.node_id for value in said.values())

    @property
    def status(self) -> RegistryStatus | None:
        return self.publisher.said[RegistryStatus].get("k8s/kubernetes")

    @property
    def own_node(self) -> KubernetesNode | None:
        return self.publisher.said[KubernetesNode].get("ours")

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    api: FakeKubernetesApi, state: Path, *, unreachable: str = ""
) -> AsyncIterator[Running]:
    run = Running(api, state)
    run.unreachable = unreachable
    task = asyncio.get_running_loop().create_task(run.registry.run(run.publisher))
    try:
        await run.until(lambda: KubernetesNode in run.publisher.said)
        yield run
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def api() -> AsyncIterator[FakeKubernetesApi]:
    async with FakeKubernetesApi().serve() as fake:
        fake.put(a_node("ours", podCIDRs=["10.244.1.0/24", "fd00:1::/64"]))
        yield fake


def our_annotations(api: FakeKubernetesApi) -> dict:
    return api.node("ours")["metadata"]["annotations"]


async def test_what_it_says_is_decided_at_once_and_nobody_is_asked(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    async with running(api, tmp_path) as run:
        run.deliver(OFF)
        await asyncio.sleep(0.02)

        assert run.publisher.said == {
            RegistryAffiliate: {},
            RegistryStatus: {},
            KubernetesNode: {},
        }
    assert api.requests == []


@pytest.mark.checklist(38)
async def test_others_are_published_and_ours_is_written(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.put(a_member("other"))
    api.put(a_node("plain"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)
        await run.until(lambda: run.status and run.status.last_push_ns)

        assert run.node_ids == ["other-id"]
        said = run.publisher.said[RegistryAffiliate]
        assert list(said) == ["k8s/kubernetes/other-id"]
        assert our_annotations(api) == {
            "cluster.talos.dev/node-id": "our-id",
            "networking.talos.dev/self-ips": "10.0.0.1",
            "networking.talos.dev/kubespan-ip": "fd00::1",
            "networking.talos.dev/kubespan-public-key": "k",
        }
        status = run.status
        assert status is not None
        assert status.synced
        assert status.error == ""
        assert status.affiliates == 1
        assert status.endpoint == api.url
        assert run.publisher.notices == {}


async def test_nodes_that_come_change_and_go_are_followed(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)

        api.put(a_member("a"))
        api.put(a_member("b"))
        await run.until(lambda: run.node_ids == ["a-id", "b-id"])

        api.put(a_node("a"))
        await run.until(lambda: run.node_ids == ["b-id"])

        api.delete("b")
        await run.until(lambda: run.node_ids == [])


@pytest.mark.parametrize("as_event", [True, False], ids=["event", "status"])
async def test_gone_lists_again_and_loses_nobody(
    api: FakeKubernetesApi, tmp_path: Path, as_event: bool
) -> None:
    api.gone_as_event = as_event
    api.put(a_member("a"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)

        api.forget_history()
        api.put(a_member("b"))
        api.forget_history()
        api.close_watches()

        await run.until(lambda: run.node_ids == ["a-id", "b-id"])
        await run.until(lambda: run.status and run.status.connected)
    assert api.count("list") >= 2


async def test_many_nodes_come_in_pages_even_if_a_token_expires(
    api: FakeKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "PAGE_ITEMS", 10)
    for number in range(35):
        api.put(a_member(f"n{number:02}"))
    expire_once = iter([True])
    original = api._page

    def page(request: object) -> dict:
        if "continue" in request.query and next(expire_once, False):  # type: ignore[attr-defined] a request of aiohttp
            api.forget_history()
        return original(request)  # type: ignore[arg-type] as above

    monkeypatch.setattr(api, "_page", page)
    async with running(api, tmp_path) as run:
        run.deliver(ON)

        await run.until(lambda: len(run.node_ids) == 35)


async def test_our_affiliate_is_written_when_it_changes_and_only_then(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: api.count("patch") == 1)
        run.deliver(ON)
        await asyncio.sleep(0.05)
        assert api.count("patch") == 1

        run.deliver(ON, replace(OURS, kubespan=KubeSpanAffiliate()))
        await run.until(lambda: api.count("patch") == 2)

        assert our_annotations(api) == {
            "cluster.talos.dev/node-id": "our-id",
            "networking.talos.dev/self-ips": "10.0.0.1",
        }


async def test_annotations_that_are_right_already_are_not_written(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    wanted = annotations_from_affiliate(OURS)
    api.put(a_node("ours", {k: v for k, v in wanted.items() if v}))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.last_push_ns)

    assert api.count("patch") == 0


async def test_a_refused_list_is_told_tried_again_and_harms_nothing_else(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)

        api.forbidden = {"list", "watch"}
        api.forget_history()
        api.close_watches()
        await run.until(lambda: run.status and "service account" in run.status.error)

        assert run.status is not None
        assert run.status.next_attempt_ns > 0
        assert not run.status.connected
        assert run.node_ids == ["other-id"]
        assert "registry" in run.publisher.notices

        api.forbidden = set()
        api.put(a_member("late"))
        await run.until(lambda: run.node_ids == ["late-id", "other-id"])
        await run.until(lambda: run.publisher.notices == {})
        assert run.status.next_attempt_ns == 0


async def test_a_refused_write_is_told_and_tried_again(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.forbidden = {"patch"}
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and "patch node ours" in run.status.error)

        api.forbidden = set()
        await run.until(lambda: run.status and run.status.last_push_ns)

        assert run.status is not None
        assert run.status.error == ""


async def test_an_api_server_that_is_away_loses_nobody(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)
        await run.until(lambda: run.own_node)

        run.unreachable = "the file is gone"
        api.forbidden = {"watch"}
        api.close_watches()
        await run.until(lambda: run.status and "the file is gone" in run.status.error)

        assert run.node_ids == ["other-id"]
        assert run.own_node is not None


async def test_who_claims_to_be_us_or_another_is_left_out_and_counted(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    thief = annotations_from_affiliate(replace(OURS, nodename="thief"))
    api.put(a_node("thief", thief))
    api.put(a_member("a"))
    copy = a_member("a")
    copy["metadata"]["name"] = "copy-of-a"
    api.put(copy)
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)

        assert run.node_ids == ["a-id"]
        (said,) = run.publisher.said[RegistryAffiliate].values()
        assert said.affiliate.nodename == "a"
        assert run.status is not None
        assert run.status.skipped == 2


@pytest.mark.checklist(15)
async def test_our_pod_networks_are_published_without_the_registry(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.forbidden = {"patch"}
    async with running(api, tmp_path) as run:
        run.deliver(PODS_ONLY)
        await run.until(lambda: run.own_node)

        assert run.own_node == KubernetesNode("ours", PODS)
        assert run.publisher.said[RegistryStatus] == {}
        assert run.node_ids == []

        api.put(a_node("ours", podCIDRs=["10.244.7.0/24"]))
        await run.until(
            lambda: (
                run.own_node
                and run.own_node.pod_networks == (ip_interface("10.244.7.0/24"),)
            )
        )
        api.delete("ours")
        await run.until(lambda: run.own_node is None)
    assert {verb for verb, _ in api.requests} == {"list", "watch"}
    assert all("metadata.name%3Dours" in query for _, query in api.requests)


async def test_no_way_in_is_told_as_a_notice_when_only_pods_are_wanted(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    async with running(api, tmp_path) as run:
        run.unreachable = "nothing here"
        run.deliver(PODS_ONLY)
        await run.until(
            lambda: "nothing here" in run.publisher.notices.get("own node", "")
        )

        run.unreachable = ""
        await run.until(lambda: run.own_node)
        await run.until(lambda: run.publisher.notices == {})


async def test_switching_off_withdraws_and_leaves_annotations(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.node_ids == ["other-id"])
        await run.until(lambda: run.status and run.status.last_push_ns)

        run.deliver(OFF)
        await run.until(lambda: run.node_ids == [] and run.own_node is None)

        assert run.status is None
        assert "cluster.talos.dev/node-id" in our_annotations(api)

        run.deliver(ON)
        await run.until(lambda: run.node_ids == ["other-id"])


async def test_a_new_node_name_is_written_to_and_the_old_one_becomes_another(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.put(a_node("renamed"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: api.count("patch") == 1)

        run.deliver(ON, replace(OURS, nodename="renamed"))
        await run.until(lambda: api.count("patch") == 2)

        assert api.node("renamed")["metadata"]["annotations"]
        # The old Node claims our node ID: never taken for somebody else.
        assert run.node_ids == []


async def test_nodes_full_of_nonsense_do_no_harm(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    odd = a_node("odd", {"cluster.talos.dev/node-id": "odd-id"})
    odd["metadata"]["annotations"]["networking.talos.dev/self-ips"] = "x,10.0.0.9"
    odd["status"] = ["?"]
    odd["spec"] = {"podCIDRs": {"a": 1}}
    api.put(odd)
    api.watch_lines = [b'{"type":"ADDED","object":{"metadata":7}}\n']
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.connected)
        await run.until(lambda: run.node_ids == ["odd-id"])

        api.put(a_member("good"))
        await run.until(lambda: run.node_ids == ["good-id", "odd-id"])


async def test_a_stream_of_garbage_is_waited_out(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    api.watch_lines = [b"<html>\n"]
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and "not JSON" in run.status.error)

        api.watch_lines = []
        await run.until(lambda: run.status and run.status.connected)


AWAY = "the API server is away"


async def test_restart_while_the_api_server_is_away_withdraws_nothing(
    api: FakeKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "SAVE_DELAY_S", 0.0)
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until(lambda: run.own_node and run.node_ids == ["other-id"])
        await run.until((tmp_path / "kubernetes-affiliates.json").exists)

    async with running(api, tmp_path, unreachable=AWAY) as run:
        # before anything is delivered: what is delivered is made of it
        assert run.own_node == KubernetesNode("ours", PODS)
        assert RegistryAffiliate not in run.publisher.said

        run.deliver(ON)
        await run.until(lambda: run.status and AWAY in run.status.error)

        assert run.own_node == KubernetesNode("ours", PODS)
        assert run.node_ids == ["other-id"]
        assert run.status is not None
        assert (run.status.affiliates, run.status.synced) == (1, False)

        run.unreachable = ""
        api.delete("other")
        api.put(a_node("ours"))
        await run.until(lambda: run.own_node == KubernetesNode("ours", ()))
        await run.until(lambda: run.node_ids == [])
        await run.until(lambda: run.status and run.status.synced)


async def test_node_deleted_while_we_were_stopped_is_withdrawn_and_forgotten(
    api: FakeKubernetesApi, tmp_path: Path
) -> None:
    await keep_own_node(api, tmp_path)
    api.delete("ours")

    async with running(api, tmp_path) as run:
        assert run.own_node is not None
        run.deliver(PODS_ONLY)
        await run.until(lambda: run.own_node is None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("config", "affiliate", "kept"),
    [
        pytest.param(OFF, OURS, False, id="switched off"),
        pytest.param(PODS_ONLY, None, False, id="nothing to tell"),
        pytest.param(PODS_ONLY, replace(OURS, nodename=""), False, id="no member"),
        pytest.param(PODS_ONLY, replace(OURS, nodename="new"), True, id="renamed"),
    ],
)
async def test_settings_that_do_not_want_the_last_node_withdraw_it(
    api: FakeKubernetesApi,
    tmp_path: Path,
    config: Config,
    affiliate: Affiliate | None,
    kept: bool,
) -> None:
    await keep_own_node(api, tmp_path)

    async with running(api, tmp_path, unreachable=AWAY) as run:
        run.deliver(config, affiliate)
        await run.until(lambda: run.publisher.said[KubernetesNode] == {})

    assert (tmp_path / "kubernetes-node.json").exists() is kept


async def test_registry_that_is_switched_off_is_forgotten(
    api: FakeKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "SAVE_DELAY_S", 0.0)
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        run.deliver(ON)
        await run.until((tmp_path / "kubernetes-affiliates.json").exists)
        await run.until((tmp_path / "kubernetes-node.json").exists)

        run.deliver(OFF)
        await run.until(lambda: list(tmp_path.iterdir()) == [])


async def test_damaged_files_are_told_and_replaced(
    api: FakeKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_cache, "SAVE_DELAY_S", 0.0)
    for name in ("kubernetes-node.json", "kubernetes-affiliates.json"):
        (tmp_path / name).write_text("[")
    api.put(a_member("other"))
    async with running(api, tmp_path, unreachable=AWAY) as run:
        run.deliver(ON)
        await run.until(lambda: run.status and run.status.error)

        assert run.own_node is None
        assert run.node_ids == []
        assert "damaged; ignored" in run.publisher.notices["cache"]
        assert "damaged; ignored" in run.publisher.notices["own node cache"]

        run.unreachable = ""
        await run.until(lambda: run.own_node and run.node_ids == ["other-id"])
        await run.until(lambda: run.publisher.notices == {})


async def test_untold_for_a_second_it_says_that_nobody_is_known(
    api: FakeKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "FIRST_DELIVERY_S", 0.01)
    api.put(a_member("other"))
    async with running(api, tmp_path) as run:
        await run.until(lambda: RegistryAffiliate in run.publisher.said)
        assert run.node_ids == []

        run.deliver(ON)
        await run.until(lambda: run.node_ids == ["other-id"])


async def keep_own_node(api: FakeKubernetesApi, state: Path) -> None:
    """Leave the state directory as a run that knew our Node leaves it."""
    async with running(api, state) as run:
        run.deliver(PODS_ONLY)
        await run.until(lambda: run.own_node)
    assert [path.name for path in state.iterdir()] == ["kubernetes-node.json"]
