import asyncio
import errno
import socket
from ipaddress import ip_interface

import pytest

from kubespan.drivers.host.facts import HostSource, read_operating_system
from kubespan.errors import DriverError
from kubespan.model.host import HostAddress, HostFacts, HostLink
from tests.fakes.kernel import FakeKernel, FakeMessage
from tests.fakes.spoken import SpokenPublisher
from tests.netns_support import Namespace

MAC = bytes.fromhex("020000000001")


def an_address(text: str, index: int, **changes: int) -> FakeMessage:
    prefix = ip_interface(text)
    family = socket.AF_INET if prefix.version == 4 else socket.AF_INET6
    shown = {"IFA_ADDRESS": str(prefix.ip), "IFA_FLAGS": changes.get("flags", 0x80)}
    return FakeMessage(
        shown,
        index=index,
        family=family,
        prefixlen=prefix.network.prefixlen,
        scope=changes.get("scope", 0),
        flags=0,
    )


async def facts_of(kernel: FakeKernel, hostname: str = "alpha") -> HostFacts:
    return await HostSource(kernel.open, lambda: hostname).observe()


@pytest.mark.parametrize(
    ("name", "host", "domain"),
    [
        ("alpha", "alpha", ""),
        ("alpha.example.org", "alpha", "example.org"),
        ("", "", ""),
    ],
)
async def test_name_of_the_kernel_is_split_at_its_first_dot(
    name: str, host: str, domain: str
) -> None:
    facts = await facts_of(FakeKernel(), name)

    assert (facts.hostname, facts.domainname) == (host, domain)


@pytest.mark.checklist(7)
async def test_links_are_sorted_and_tell_hardware_from_software() -> None:
    kernel = FakeKernel()
    kernel.add_link("eth1")
    kernel.add_link("bond0", kind="bond")
    kernel.add_link("wg0", ifi_type=65534, kind="wireguard", IFLA_ADDRESS=None)

    facts = await facts_of(kernel)

    assert facts.links == (
        HostLink("bond0", "bond", ethernet=True, hardware_address=MAC, up=True),
        HostLink("eth1", "", ethernet=True, hardware_address=MAC, up=True),
        HostLink("lo", "", ethernet=False, hardware_address=MAC, up=True),
        HostLink("wg0", "wireguard", ethernet=False, hardware_address=b"", up=True),
    )


@pytest.mark.parametrize(
    ("kind", "state", "carrier", "up"),
    [
        pytest.param("", "UP", 1, True, id="hardware, up"),
        pytest.param("", "UNKNOWN", 1, True, id="hardware, driver says nothing"),
        pytest.param("", "UNKNOWN", 0, False, id="hardware, no carrier"),
        pytest.param("", "DOWN", 1, False, id="hardware, down"),
        pytest.param("wireguard", "UNKNOWN", 0, True, id="software, says nothing"),
        pytest.param("veth", "LOWERLAYERDOWN", 0, False, id="software, other end down"),
    ],
)
async def test_link_is_up_when_it_can_carry(
    kind: str, state: str, carrier: int, up: bool
) -> None:
    kernel = FakeKernel()
    kernel.add_link("a", kind=kind, IFLA_OPERSTATE=state, IFLA_CARRIER=carrier)

    assert (await facts_of(kernel)).links[0].up is up


@pytest.mark.parametrize(
    ("text", "flags", "kept"),
    [
        pytest.param("2001:db8::1/64", 0x80, True, id="permanent"),
        pytest.param("2001:db8::1/64", 0x00, True, id="with a lifetime"),
        pytest.param("2001:db8::1/64", 0x01, False, id="temporary"),
        pytest.param("2001:db8::1/64", 0x20, False, id="deprecated"),
        pytest.param("2001:db8::1/64", 0x40, False, id="tentative"),
        pytest.param("2001:db8::1/64", 0x44, True, id="tentative but optimistic"),
        pytest.param("2001:db8::1/64", 0x48, False, id="duplicate"),
        pytest.param("2001:db8::1/64", 0x100, True, id="managing temporary ones"),
        pytest.param("192.0.2.1/24", 0x81, True, id="second of IPv4"),
        pytest.param("192.0.2.1/24", 0xA0, False, id="deprecated of IPv4"),
    ],
)
async def test_address_that_will_not_last_is_left_out(
    text: str, flags: int, kept: bool
) -> None:
    kernel = FakeKernel()
    kernel.addresses.append(an_address(text, kernel.add_link("eth0"), flags=flags))

    addresses = (await facts_of(kernel)).addresses

    expected = HostAddress("eth0", ip_interface(text), 0)
    assert addresses == ((expected,) if kept else ())


async def test_our_end_of_a_point_to_point_link_is_the_address() -> None:
    kernel = FakeKernel()
    seen = an_address("10.0.0.2/32", kernel.add_link("ppp0"))
    seen.attributes["IFA_LOCAL"] = "10.0.0.1"
    kernel.addresses.append(seen)

    facts = await facts_of(kernel)

    assert [str(found.address) for found in facts.addresses] == ["10.0.0.1/32"]


async def test_addresses_follow_their_links_and_keep_the_order_of_the_kernel() -> None:
    kernel = FakeKernel()
    first, second = kernel.add_link("b"), kernel.add_link("a")
    for text, index in (
        ("10.0.0.9/8", first),
        ("10.0.0.2/8", second),
        ("10.0.0.1/8", second),
        ("10.0.0.7/8", 77),
    ):
        kernel.addresses.append(an_address(text, index))

    facts = await facts_of(kernel)

    assert [(found.link, str(found.address.ip)) for found in facts.addresses] == [
        ("a", "10.0.0.2"),
        ("a", "10.0.0.1"),
        ("b", "10.0.0.9"),
    ]


@pytest.mark.parametrize("address", ["", "02:xx", None])
async def test_hardware_address_that_means_nothing_is_empty(
    address: str | None,
) -> None:
    kernel = FakeKernel()
    kernel.add_link("a", IFLA_ADDRESS=address)

    assert (await facts_of(kernel)).links[0].hardware_address == b""


async def test_facts_are_published_at_start_and_when_hinted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kubespan.drivers.host.facts.PAUSE_S", 0.0)
    kernel, publisher = FakeKernel(), SpokenPublisher()
    source = HostSource(kernel.open, lambda: "alpha")

    async with asyncio.TaskGroup() as group:
        running = group.create_task(source.run(publisher))
        (before,) = await publisher.words.get()
        kernel.add_link("eth0")
        source.hint()
        (after,) = await publisher.words.get()
        running.cancel()

    assert [link.name for link in before.links] == ["lo"]
    assert [link.name for link in after.links] == ["eth0", "lo"]


async def test_facts_are_looked_at_again_without_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kubespan.drivers.host.facts.PAUSE_S", 0.0)
    monkeypatch.setattr("kubespan.drivers.host.facts.LOOK_EVERY_S", 0.01)
    publisher = SpokenPublisher()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        source = HostSource(FakeKernel().open, lambda: "alpha")
        running = group.create_task(source.run(publisher))
        first = await publisher.words.get()
        second = await publisher.words.get()
        running.cancel()

    assert first == second


async def test_kernel_that_refuses_is_named() -> None:
    kernel = FakeKernel()
    kernel.refused["link", "dump"] = errno.EPERM

    with pytest.raises(DriverError, match="list links"):
        await facts_of(kernel)


def test_operating_system_has_a_name() -> None:
    assert read_operating_system()


def test_operating_system_without_a_release_file_is_linux(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> dict[str, str]:
        raise OSError(errno.ENOENT, "no release file")

    monkeypatch.setattr("platform.freedesktop_os_release", missing)

    assert read_operating_system() == "Linux"


@pytest.mark.netns
def test_facts_of_a_real_kernel(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add eth0 address 02:00:00:00:00:07 type veth peer name far;"
        "ip link set eth0 up; ip link set far up;"
        "ip addr add 192.0.2.1/24 dev eth0;"
        "ip addr add 2001:db8::1/64 dev eth0 nodad;"
        "ip addr add 2001:db8::2/64 dev eth0 nodad preferred_lft 0"
    )

    facts = namespace.run(HostSource().observe)

    eth0 = HostLink(
        "eth0", "veth", ethernet=True, hardware_address=b"\2\0\0\0\0\7", up=True
    )
    assert facts.links[0] == eth0
    assert [
        str(found.address)
        for found in facts.addresses
        if found.link == "eth0" and found.scope == 0
    ] == ["192.0.2.1/24", "2001:db8::1/64"]
    assert facts.hostname == socket.gethostname().partition(".")[0]
