import asyncio
import errno
import json
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubespan.drivers.host.sysctls import Sysctls
from kubespan.errors import DriverError
from kubespan.model.sysctl import SysctlChange, SysctlPlan, SysctlState
from tests.fakes.spoken import SpokenPublisher
from tests.netns_support import Namespace

FORWARD = "net/ipv4/ip_forward"
REVERSE = "net/ipv4/conf/all/rp_filter"
OURS = "net/ipv4/conf/kubespan/rp_filter"
ABSENT = "net/bridge/bridge-nf-call-iptables"
NAMES = (FORWARD, REVERSE, ABSENT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host's switches, and the identity of its boot."""
    values = {FORWARD: "0", REVERSE: "1", "kernel/random/boot_id": "first"}
    for name, value in values.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    return tmp_path


def a_driver(root: Path, *names: str) -> Sysctls:
    return Sysctls(names or NAMES, root / "record.json", root)


def value_of(root: Path, name: str) -> str:
    return (root / name).read_text().strip()


async def test_switches_that_exist_are_seen(root: Path) -> None:
    (root / REVERSE).write_text("4096\t 131072  6291456\n")

    state = await a_driver(root).observe()

    assert state == SysctlState({FORWARD: "0", REVERSE: "4096 131072 6291456"}, {})


async def test_what_is_set_is_remembered_with_what_it_was(root: Path) -> None:
    driver = a_driver(root)

    await driver.apply(SysctlPlan({FORWARD: "1"}))

    state = await driver.observe()
    assert state.values[FORWARD] == "1"
    assert state.changed == {FORWARD: SysctlChange("0", "1")}
    assert stat.S_IMODE((root / "record.json").stat().st_mode) == 0o600


async def test_first_original_is_kept_through_later_changes(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({REVERSE: "2"}))
    await a_driver(root).apply(SysctlPlan({REVERSE: "0"}))

    assert (await a_driver(root).observe()).changed == {REVERSE: SysctlChange("1", "0")}


async def test_restoring_leaves_the_host_as_it_was(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({FORWARD: "1", REVERSE: "2"}))

    await a_driver(root).restore()

    assert (value_of(root, FORWARD), value_of(root, REVERSE)) == ("0", "1")
    assert (await a_driver(root).observe()).changed == {}


async def test_what_somebody_else_set_since_is_not_put_back(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({REVERSE: "2"}))
    (root / REVERSE).write_text("0\n")

    await a_driver(root).apply(SysctlPlan({}, (REVERSE,)))

    assert value_of(root, REVERSE) == "0"
    assert (await a_driver(root).observe()).changed == {}


async def test_switch_that_is_as_wanted_already_is_not_remembered(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({REVERSE: "1"}))

    assert not (root / "record.json").exists()


async def test_switch_that_went_with_its_link_is_forgotten(root: Path) -> None:
    (root / OURS).parent.mkdir()
    (root / OURS).write_text("1\n")
    driver = a_driver(root, OURS)
    await driver.apply(SysctlPlan({OURS: "2"}))
    (root / OURS).unlink()

    await driver.apply(SysctlPlan({OURS: "2"}))
    await driver.restore()

    assert await driver.observe() == SysctlState()
    assert not (root / OURS).exists()


async def test_record_of_an_earlier_boot_means_nothing(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({FORWARD: "1"}))
    (root / "kernel/random/boot_id").write_text("second\n")

    await a_driver(root).restore()

    assert value_of(root, FORWARD) == "1"
    assert (await a_driver(root).observe()).changed == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"boot": "first"}',
        '{"boot": "first", "changed": []}',
        '{"boot": "first", "changed": {"net/ipv4/ip_forward": ["0"]}}',
        '{"boot": "first", "changed": {"net/ipv4/ip_forward": 7}}',
        '{"boot": "first", "changed": {"../../etc/passwd": ["0", "1"]}}',
        "x" * 100_000,
    ],
    ids=lambda text: text[:40] or "empty",
)
async def test_record_that_means_nothing_is_named_and_left_alone(
    root: Path, text: str
) -> None:
    (root / "record.json").write_text(text)

    for attempt in (a_driver(root).observe, a_driver(root).restore):
        with pytest.raises(DriverError, match="record"):
            await attempt()

    assert (root / "record.json").read_text() == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
async def test_any_record_is_read_or_refused(root: Path, content: bytes) -> None:
    (root / "record.json").write_bytes(content)

    try:
        state = await a_driver(root).observe()
    except DriverError:
        return
    assert state.values.keys() <= set(NAMES) | state.changed.keys()


@pytest.mark.parametrize(
    "name",
    ["", "kernel", "/proc/sys/net/x", "net/../../etc/x", "net//x", "net/x/", "net/a b"],
)
def test_name_that_is_no_plain_path_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a kernel switch"):
        a_driver(root, name)


@pytest.mark.parametrize(
    ("number", "help_text"),
    [(errno.EROFS, "container"), (errno.EACCES, "root"), (errno.EINVAL, "Invalid")],
)
async def test_refusal_says_what_may_help_and_stops_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, help_text: str
) -> None:
    driver = a_driver(root)
    opened = __import__("os").open

    def refuse(path: object, *arguments: int, **options: int) -> int:
        if str(path).endswith(FORWARD):
            raise OSError(number, __import__("os").strerror(number))
        return int(opened(path, *arguments, **options))

    monkeypatch.setattr("kubespan.drivers.host.sysctls.os.open", refuse)

    with pytest.raises(DriverError, match=f"set {FORWARD} to 1: .*{help_text}") as told:
        await driver.apply(SysctlPlan({FORWARD: "1", REVERSE: "2"}))

    assert told.value.errno == number
    assert value_of(root, REVERSE) == "2"


async def test_record_that_cannot_be_written_keeps_the_switch_as_it_is(
    root: Path,
) -> None:
    driver = Sysctls(NAMES, root / "missing" / "record.json", root)

    with pytest.raises(DriverError, match="record"):
        await driver.apply(SysctlPlan({FORWARD: "1"}))

    assert value_of(root, FORWARD) == "0"


async def test_values_are_published_at_start_and_when_hinted(root: Path) -> None:
    driver, publisher = a_driver(root), SpokenPublisher()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(driver.run(publisher))
        before = await publisher.words.get()
        (root / FORWARD).write_text("1\n")
        driver.hint()
        after = await publisher.words.get()
        running.cancel()

    assert {item.key: item.value for item in before}[FORWARD] == "0"
    assert {item.key: item.value for item in after}[FORWARD] == "1"


async def test_record_says_what_a_person_needs(root: Path) -> None:
    await a_driver(root).apply(SysctlPlan({FORWARD: "1"}))

    assert json.loads((root / "record.json").read_text()) == {
        "boot": "first",
        "changed": {FORWARD: ["0", "1"]},
    }


@pytest.mark.netns
@pytest.mark.checklist(55)
def test_reverse_path_filter_of_our_own_link_is_set_and_goes_with_it(
    namespace: Namespace, tmp_path: Path
) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far;"
        "sysctl -qw net.ipv4.conf.kubespan.rp_filter=1"
    )
    driver = Sysctls((OURS,), tmp_path / "record.json")

    async def body() -> str:
        await driver.apply(SysctlPlan({OURS: "0"}))
        return (await driver.observe()).values[OURS]

    assert namespace.run(body) == "0"
    namespace.sh("ip link del kubespan")
    assert namespace.run(driver.observe) == SysctlState({}, {})


async def test_switch_of_our_own_link_is_set_also_when_nothing_can_be_remembered(
    root: Path,
) -> None:
    (root / OURS).parent.mkdir(parents=True)
    (root / OURS).write_text("1\n")
    driver = Sysctls((OURS,), root / "no such directory" / "record.json", root)

    await driver.apply(SysctlPlan({OURS: "0"}))

    assert value_of(root, OURS) == "0"
    assert (await driver.observe()).changed == {}
