"""The firewall table on the real ``nft``, and what is said when it cannot be used."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest

from kubespan.drivers.host.netlink_monitor import nftables_monitor
from kubespan.drivers.host.nftables import Nftables
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.logic.mesh.firewall_script import render_firewall
from kubespan.model.firewall import FirewallSpec
from tests.netns_support import Namespace

# kubespan.md section 4.9, produced by nft 1.0.6, with a table name of our own
LISTING = """\
table inet kubespan {
	chain kubespan_outgoing {
		type route hook output priority filter; policy accept;
		meta mark & 0x00000060 == 0x00000020 accept
		oifname "lo" accept
		ip daddr { 10.244.1.0/24, 172.20.0.3, 172.20.0.5 } tcp flags syn / syn,rst tcp option maxseg size > 1368 tcp option maxseg size set 1368
		ip daddr { 10.244.1.0/24, 172.20.0.3, 172.20.0.5 } meta mark set meta mark & 0xffffffdf | 0x00000040 accept
	}

	chain kubespan_prerouting {
		type filter hook prerouting priority filter; policy accept;
		meta mark & 0x00000060 == 0x00000020 accept
		ip daddr { 10.244.1.0/24, 172.20.0.3, 172.20.0.5 } meta mark set meta mark & 0xffffffdf | 0x00000040 accept
	}
}
"""  # noqa: E501 - a program's output
MakeDriver = Callable[..., Nftables]
ROUTED = ("10.244.1.0/24", "172.20.0.3/32", "172.20.0.5/32")


def a_firewall(*routed: str, table: str = "kubespan") -> FirewallSpec:
    return FirewallSpec(table, tuple(map(ip_network, routed)), 1368, 1348)


def keyed(*specs: FirewallSpec) -> dict[str, FirewallSpec]:
    return {spec.key: spec for spec in specs}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "nft-table"


@pytest.fixture
def a_driver(record: Path) -> MakeDriver:
    """Make drivers of one state directory: what one remembers, the next one knows."""

    def make(program: str = "nft", table: str = "kubespan") -> Nftables:
        return Nftables(table, render_firewall, record, program)

    return make


async def converge(driver: Nftables, *specs: FirewallSpec) -> bool:
    """Make it so; tell whether anything had to be done."""
    changes = diff(keyed(*specs), await driver.observe())
    if changes:
        await driver.apply(changes)
    return bool(changes)


def plain(listing: str) -> str:
    """A listing as nft 1.0.6 prints it; newer ones write the flags as in the script."""
    newer = "tcp flags & (syn | rst) == syn"
    return listing.replace(newer, "tcp flags syn / syn,rst")


@pytest.mark.netns
@pytest.mark.checklist(48)
def test_listing_is_that_of_the_specification(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    namespace.run(lambda: converge(a_driver(), a_firewall(*ROUTED)))

    assert plain(namespace.sh("nft list ruleset")) == LISTING


@pytest.mark.netns
@pytest.mark.checklist(51)
@pytest.mark.parametrize(
    ("routed", "found"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param(("0.0.0.0/0",), ["meta nfproto ipv4"], id="all of IPv4"),
        pytest.param(
            ("0.0.0.0/0", "::/0"), ["meta nfproto ipv4", "meta nfproto ipv6"], id="all"
        ),
        pytest.param(("2001:db8::/64",), ["ip6 daddr 2001:db8::/64"], id="one of IPv6"),
        pytest.param(
            ("10.0.0.0/8", "255.255.255.255/32", "2001:db8::/32", "fe80::/10"),
            [
                "ip daddr { 10.0.0.0/8, 255.255.255.255 }",
                "ip6 daddr { 2001:db8::/32, fe80::/10 }",
            ],
            id="both, up to the last address",
        ),
    ],
)
def test_destinations_are_matched_by_family(
    a_driver: MakeDriver,
    namespace: Namespace,
    routed: tuple[str, ...],
    found: list[str],
) -> None:
    namespace.run(lambda: converge(a_driver(), a_firewall(*routed)))

    listing = namespace.sh("nft list table inet kubespan")
    marking = re.findall(r"\t(\S.*?) meta mark set", listing)
    assert marking == 2 * found
    assert len(re.findall("accept$", listing, re.MULTILINE)) == 3 + len(marking)


@pytest.mark.netns
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("nft flush ruleset", id="everything flushed"),
        pytest.param("nft delete table inet kubespan", id="table deleted"),
        pytest.param("nft flush table inet kubespan", id="rules flushed"),
        pytest.param("nft flush chain inet kubespan kubespan_outgoing", id="one chain"),
        pytest.param(
            "nft insert rule inet kubespan kubespan_outgoing accept", id="rule added"
        ),
        pytest.param("nft add chain inet kubespan mine", id="chain added"),
        pytest.param(
            "nft delete rule inet kubespan kubespan_prerouting handle $("
            "nft -a list chain inet kubespan kubespan_prerouting"
            " | sed -n 's/.*daddr.*handle //p')",
            id="rule deleted",
        ),
        pytest.param(
            "nft list table inet kubespan > /tmp/$$;"
            "nft 'delete table inet kubespan'; nft -f /tmp/$$; rm /tmp/$$",
            id="replaced by its likeness",
        ),
    ],
)
def test_damage_is_noticed_and_repaired(
    a_driver: MakeDriver, namespace: Namespace, damage: str
) -> None:
    driver, spec = a_driver(), a_firewall(*ROUTED)

    async def body() -> tuple[bool, bool, bool]:
        await converge(driver, spec)
        quiet = await converge(driver, spec)
        namespace.sh(damage)
        return quiet, await converge(driver, spec), await converge(driver, spec)

    assert namespace.run(body) == (False, True, False)
    assert plain(namespace.sh("nft list table inet kubespan")) == LISTING


@pytest.mark.netns
def test_tables_of_others_are_neither_touched_nor_taken_for_damage(
    a_driver: MakeDriver,
    namespace: Namespace,
) -> None:
    namespace.sh("nft add table inet talos; nft add chain inet talos kubespan_outgoing")
    before = namespace.sh("nft -a list table inet talos")
    driver, spec = a_driver(), a_firewall(*ROUTED)

    async def body() -> tuple[bool, bool]:
        await converge(driver, spec)
        await asyncio.to_thread(namespace.sh, "nft add table ip other")
        return await converge(driver, spec), await converge(driver)

    assert namespace.run(body) == (False, True)
    assert namespace.sh("nft -a list table inet talos") == before
    assert "kubespan {" not in namespace.sh("nft list ruleset")


@pytest.mark.netns
@pytest.mark.checklist(53)
def test_refused_script_changes_nothing(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    driver = a_driver()
    namespace.run(lambda: converge(driver, a_firewall(*ROUTED)))
    wrong = "add rule inet kubespan nowhere accept\n"
    driver._render = lambda spec: render_firewall(spec) + wrong

    with pytest.raises(DriverError, match=r"replace firewall table .*No such file"):
        namespace.run(lambda: converge(driver, a_firewall("10.0.0.0/8")))

    assert plain(namespace.sh("nft list ruleset")) == LISTING


@pytest.mark.netns
def test_table_found_at_start_is_replaced_once(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    spec = a_firewall(*ROUTED)
    namespace.run(lambda: converge(a_driver(), spec))
    fresh = a_driver()

    async def body() -> tuple[bool, bool]:
        return await converge(fresh, spec), await converge(fresh, spec)

    assert namespace.run(body) == (True, False)


@pytest.mark.netns
@pytest.mark.checklist(54)
def test_removing_is_harmless_without_a_table(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    driver = a_driver()

    async def body() -> None:
        await converge(driver, a_firewall(*ROUTED))
        await driver.delete("kubespan")
        await driver.delete("kubespan")

    namespace.run(body)

    assert namespace.sh("nft list ruleset") == ""


@pytest.mark.netns
def test_somebody_who_writes_at_the_same_moment_costs_one_more_look(
    a_driver: MakeDriver,
    namespace: Namespace,
) -> None:
    driver, spec = a_driver(), a_firewall(*ROUTED)

    def render_while_another_writes(spec: FirewallSpec) -> str:
        namespace.sh("nft add table ip other; nft delete table ip other")
        return render_firewall(spec)

    driver._render = render_while_another_writes

    async def body() -> tuple[bool, bool, bool]:
        first = await converge(driver, spec)
        driver._render = render_firewall
        return first, await converge(driver, spec), await converge(driver, spec)

    assert namespace.run(body) == (True, True, False)


@pytest.mark.netns
def test_flushed_table_is_back_within_two_seconds(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    driver, spec = a_driver(), a_firewall(*ROUTED)

    async def keep(wake: asyncio.Event, done: Callable[[], None]) -> None:
        while True:
            await wake.wait()
            wake.clear()
            if await converge(driver, spec):
                done()

    async def body() -> None:
        wake, repaired = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            monitor = nftables_monitor(lambda: driver.tables, wake.set)
            tasks = [
                group.create_task(monitor.run()),
                group.create_task(keep(wake, repaired.set)),
            ]
            for command in ("true", "nft flush ruleset"):
                await asyncio.to_thread(namespace.sh, command)
                async with asyncio.timeout(2):
                    await repaired.wait()
                repaired.clear()
            for task in tasks:
                task.cancel()

    namespace.run(body)

    assert plain(namespace.sh("nft list ruleset")) == LISTING


def tables(namespace: Namespace) -> list[str]:
    return namespace.sh("nft list tables").splitlines()


@pytest.mark.netns
def test_table_of_a_new_name_is_there_before_the_old_one_goes(
    namespace: Namespace, a_driver: MakeDriver, record: Path
) -> None:
    driver, old, new = a_driver(), a_firewall(*ROUTED), a_firewall(table="mesh")
    scripts: list[str] = []
    original = driver._run

    async def seen(operation: str, script: str, *arguments: str) -> bytes:
        if script:
            scripts.append(operation)
            record_was.append(record.read_text().split())
        return await original(operation, script, *arguments)

    record_was: list[list[str]] = []

    async def body() -> list[bool]:
        driver._run = seen
        return [await converge(driver, spec) for spec in (old, old, new, new)]

    assert namespace.run(body) == [True, False, True, False]
    assert tables(namespace) == ["table inet mesh"]
    assert scripts == [
        "replace firewall table kubespan",
        "replace firewall table mesh",
        "remove firewall table kubespan",
    ]
    assert record_was == [["kubespan"], ["kubespan", "mesh"], ["kubespan", "mesh"]]
    assert record.read_text() == "mesh\n"
    assert driver.tables == {"mesh"}


@pytest.mark.netns
@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param((a_firewall(table="mesh"),), id="another name"),
        pytest.param((), id="none"),
    ],
)
def test_table_of_the_last_run_goes_whatever_the_configuration_says_now(
    namespace: Namespace, a_driver: MakeDriver, wanted: tuple[FirewallSpec, ...]
) -> None:
    namespace.sh("nft add table inet mesh2")
    namespace.run(lambda: converge(a_driver(), a_firewall(*ROUTED)))
    changed = a_driver(table="mesh")

    async def body() -> list[bool]:
        return [await converge(changed, *wanted) for _ in range(2)]

    assert namespace.run(body) == [True, False]
    assert set(tables(namespace)) == {
        "table inet mesh2",
        *(f"table inet {spec.table}" for spec in wanted),
    }


@pytest.mark.netns
def test_table_that_is_gone_and_of_a_former_name_is_not_ours_any_more(
    namespace: Namespace, a_driver: MakeDriver
) -> None:
    namespace.run(lambda: converge(a_driver(), a_firewall(*ROUTED)))
    namespace.sh("nft flush ruleset")
    driver, spec = a_driver(table="mesh"), a_firewall(*ROUTED, table="mesh")
    namespace.run(lambda: converge(driver, spec))
    namespace.sh("nft add table inet kubespan")

    assert not namespace.run(lambda: converge(driver, spec))
    assert namespace.run(lambda: converge(a_driver(table="mesh"), spec))
    assert len(tables(namespace)) == 2


@pytest.mark.netns
def test_record_that_cannot_be_written_is_told_and_the_table_made(
    namespace: Namespace, a_driver: MakeDriver, record: Path
) -> None:
    driver, spec = a_driver(), a_firewall(*ROUTED)
    record.mkdir()

    with pytest.raises(DriverError, match="remember the firewall table's name"):
        namespace.run(lambda: converge(driver, spec))

    assert plain(namespace.sh("nft list ruleset")) == LISTING
    assert not namespace.run(lambda: converge(driver, spec))


@pytest.mark.netns
@pytest.mark.checklist(48, 49, 50)
def test_packets_take_the_way_their_mark_and_address_say(
    a_driver: MakeDriver, namespace: Namespace
) -> None:
    """Counts packets by mark on their way out, as section 4.9 walks them."""
    namespace.sh(
        "for i in eth0 kubespan; do ip link add $i type veth peer name far-$i;"
        " ip link set $i up; ip link set far-$i up;"
        " ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev $i;"
        " ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:01 dev $i; done;"
        "ip addr add 10.0.0.1/24 dev eth0;"
        "ip neigh add 10.1.1.1 lladdr 02:00:00:00:00:01 dev kubespan;"
        "ip neigh add 10.1.1.1 lladdr 02:00:00:00:00:01 dev eth0;"
        "ip route add default via 10.0.0.2;"
        "ip route add default dev kubespan table 180;"
        "ip rule add priority 32500 fwmark 0x40/0x60 lookup 180;"
        "nft add table inet seen;"
        "nft add chain inet seen out '{ type filter hook postrouting priority 300; }'"
    )
    marks = {
        "force": 'oifname "kubespan" meta mark 0x40 ip daddr 10.1.1.1',
        "kept": 'oifname "kubespan" meta mark 0x4040 ip daddr 10.1.1.1',
        "encrypted": 'oifname "eth0" meta mark 0x20 ip daddr 10.1.1.1',
        "elsewhere": 'oifname "eth0" meta mark 0 ip daddr 10.9.0.1',
        "clamped": 'oifname "kubespan" tcp option maxseg size 1228',
    }
    for match in marks.values():
        namespace.sh(f"nft add rule inet seen out '{match} counter'")
    spec = FirewallSpec("kubespan", (ip_network("10.1.0.0/16"),), 1228, 1208)
    namespace.run(lambda: converge(a_driver(), spec))

    namespace.sh(
        "ping -q -c1 -W0.2 10.1.1.1 || true;"
        "ping -q -c1 -W0.2 -m 16384 10.1.1.1 || true;"
        "ping -q -c1 -W0.2 -m 32 10.1.1.1 || true; ping -q -c1 -W0.2 10.9.0.1 || true;"
        "timeout 0.3 bash -c '</dev/tcp/10.1.1.1/80' || true"
    )

    listed = namespace.sh("nft list chain inet seen out")
    packets = [int(count) for count in re.findall(r"counter packets (\d+)", listed)]
    assert dict(
        zip(marks, [count > 0 for count in packets], strict=True)
    ) == dict.fromkeys(marks, True)


async def what_is_said(body: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(DriverError) as told:
        await body()
    return str(told.value)


async def test_missing_program_is_named_with_its_package(a_driver: MakeDriver) -> None:
    driver = a_driver("nft-that-is-not-there")

    said = await what_is_said(partial(driver.delete, "kubespan"))

    assert said == (
        "remove firewall table kubespan: no program nft-that-is-not-there:"
        " install the package nftables"
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("echo 'Error: no' >&2; exit 1", "Error: no", id="complains"),
        pytest.param("exit 1", "nft failed in silence", id="says nothing"),
        pytest.param("sleep 100", "nft took over 0 s", id="hangs"),
    ],
)
async def test_program_that_fails_is_quoted(
    a_driver: MakeDriver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    expected: str,
) -> None:
    monkeypatch.setattr("kubespan.drivers.host.nftables.TIMEOUT_S", 0.3)
    program = tmp_path / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    said = await what_is_said(partial(a_driver(str(program)).delete, "kubespan"))

    assert said == f"remove firewall table kubespan: {expected}"


@pytest.mark.parametrize("table", ["", "a b", "a;flush ruleset"])
def test_name_that_is_no_identifier_is_refused(
    a_driver: MakeDriver, table: str
) -> None:
    with pytest.raises(ValueError, match="identifier"):
        a_driver(table=table)
