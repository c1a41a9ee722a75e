import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubespan.drivers.wireguard.links import LinkDriver
from kubespan.drivers.wireguard.uapi import SOCKET_DIR, UapiSocket
from kubespan.errors import DriverError
from kubespan.logic.mesh.link_diff import diff_links
from kubespan.model.link import LinkSeen
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import DataPlane, WireGuardChange, WireGuardChoice
from tests.contracts.wireguard_hosts import MODULE, Real
from tests.fakes.publisher import FakePublisher
from tests.netns_support import Namespace, namespace, new_namespace
from tests.wireguard_builders import PRIVATE

# What every host keeps is in tests/contracts/test_wireguard.py; this is what only a
# program, or only a kernel without WireGuard, can do.

__all__ = ["namespace", "new_namespace"]
pytestmark = pytest.mark.netns


@pytest.fixture
def host(namespace: Namespace) -> Iterator[Real]:
    real = Real(namespace, WireGuardChoice.USERSPACE)
    try:
        yield real
    finally:
        real.clean()


async def converge(host: Real, **changed) -> dict[str, LinkSeen]:
    values = {"name": host.link, "mtu_bytes": 1420, "wireguard": host.choice}
    spec = LinkSpec(**(values | changed))
    await host.links.apply(diff_links({host.link: spec}, await host.links.observe()))
    return await host.links.observe()


async def published(driver: LinkDriver) -> list[DataPlane]:
    """What the source says now."""
    publisher = FakePublisher()
    task = asyncio.get_running_loop().create_task(driver.run(publisher))
    while DataPlane not in publisher.said:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return list(publisher.said[DataPlane].values())


def test_data_plane_names_the_program_and_why(host: Real):
    async def body():
        before = await published(host.links)
        await converge(host)
        return before, await published(host.links)

    before, (plane,) = host.run(body)

    (pid,) = host.programs()
    assert before == []
    assert plane == DataPlane(
        host.link,
        "userspace",
        "the configuration asks for it",
        "/usr/bin/wireguard-go",
        pid,
    )


@pytest.mark.skipif(MODULE.exists(), reason="this kernel has WireGuard")
def test_auto_falls_back_to_a_program_and_says_why(host: Real):
    async def body():
        await converge(host, wireguard=WireGuardChoice.AUTO)
        return await published(host.links)

    (plane,) = host.run(body)

    assert plane.kind == "userspace"
    assert plane.reason == "this kernel has no WireGuard"


@pytest.mark.skipif(MODULE.exists(), reason="this kernel has WireGuard")
def test_kernel_that_has_no_wireguard_is_one_clear_error(host: Real):
    async def body():
        with pytest.raises(DriverError, match=r"no WireGuard .*choose wireguard") as e:
            await converge(host, wireguard=WireGuardChoice.KERNEL)
        return e.value, await published(host.links)

    error, (plane,) = host.run(body)

    assert plane == DataPlane(host.link, "none", error.reason)
    assert host.leftovers() == []


def test_no_program_is_one_clear_error(host: Real):
    host.links = LinkDriver(("no-such-wireguard",))

    with pytest.raises(DriverError, match="no-such-wireguard is on PATH; install"):
        host.run(lambda: converge(host))

    assert host.leftovers() == []


def test_adopted_program_is_published(host: Real):
    async def body():
        await converge(host)
        (first,) = await published(host.links)
        host.restart()
        await host.links.observe()
        (second,) = await published(host.links)
        return first, second

    first, second = host.run(body)

    assert second.pid == first.pid
    assert second.reason == "it was running already"


def test_link_we_could_not_mark_before_we_died_is_adopted(host: Real):
    async def body():
        await converge(host)
        host.namespace.sh(f"ip link set {host.link} alias ''")
        lost = await host.links.observe()
        return lost, await converge(host)

    lost, seen = host.run(body)

    assert lost == {}
    assert seen.keys() == {host.link}
    assert len(host.programs()) == 1


def test_program_somebody_else_configured_is_not_adopted(host: Real):
    async def body():
        await converge(host)
        change = WireGuardChange(host.link, private_key=PRIVATE)
        await host.wireguard.apply(change)
        host.namespace.sh(f"ip link set {host.link} alias ''")
        with pytest.raises(DriverError, match="is a tun and was not made by kubespan"):
            await converge(host)

    host.run(body)

    assert len(host.programs()) == 1


def test_tunnel_without_a_program_is_not_adopted(host: Real):
    host.namespace.sh(f"ip tuntap add {host.link} mode tun")

    with pytest.raises(DriverError, match="was not made by kubespan"):
        host.run(lambda: converge(host))


def test_stale_socket_is_cleaned_and_the_program_started(host: Real):
    SOCKET_DIR.mkdir(exist_ok=True)
    (SOCKET_DIR / f"{host.link}.sock").touch()

    seen = host.run(lambda: converge(host))

    assert seen[host.link].answers


def test_link_whose_socket_was_deleted_is_made_again(host: Real):
    async def body():
        await converge(host)
        (SOCKET_DIR / f"{host.link}.sock").unlink()
        return await converge(host)

    seen = host.run(body)

    assert seen[host.link].answers


def test_link_that_vanished_is_published(host: Real):
    async def body():
        await converge(host)
        host.lose_program()
        await host.links.observe()
        return await published(host.links)

    (plane,) = host.run(body)

    assert plane == DataPlane(host.link, "none", "the link is gone")


def test_program_is_replaced_only_when_its_link_can_be_made_again(host: Real):
    async def body():
        seen = await converge(host)
        poor = LinkDriver(("no-such-wireguard",))
        mute = {host.link: LinkSpec(host.link, 1420, WireGuardChoice.KERNEL)}
        changes = diff_links(mute, seen)
        if not MODULE.exists():
            with pytest.raises(DriverError):
                await poor.apply(changes)

    host.run(body)

    assert MODULE.exists() or len(host.programs()) == 1


def test_program_of_our_link_that_we_do_not_know_ends_with_its_link(
    host: Real, tmp_path: Path
):
    unknown = tmp_path / "wireguard-go-too"
    unknown.write_bytes(Path("/usr/bin/wireguard-go").read_bytes())
    unknown.chmod(0o755)
    host.links = LinkDriver((str(unknown),))

    async def body():
        await converge(host)
        (plane,) = await published(host.links)
        host.links = LinkDriver(("other",))
        await host.links.apply(diff_links({}, await host.links.observe()))
        return plane.pid, await UapiSocket(host.link).owner()

    pid, _ = host.run(body)

    host._wait(lambda: not Path(f"/proc/{pid}/ns/net").exists() or _ended(pid))
    assert host.namespace.sh("ip -br link").startswith("lo")


def _ended(pid: int) -> bool:
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True
    return done == pid
