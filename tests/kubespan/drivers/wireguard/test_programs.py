import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kubespan.drivers.host.privileges import require_net_admin
from kubespan.drivers.wireguard import programs as wireguard_process
from kubespan.drivers.wireguard.programs import WireGuardPrograms
from kubespan.drivers.wireguard.uapi import UapiSocket
from kubespan.errors import DriverError
from tests.fakes.uapi import a_program, serving
from tests.wireguard_builders import LINK


@pytest.fixture(autouse=True)
def _capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wireguard_process, "require_net_admin", lambda _: None)


@pytest.fixture
def uapi(tmp_path: Path) -> UapiSocket:
    return UapiSocket(LINK, tmp_path)


@pytest.fixture
def started(uapi: UapiSocket) -> Iterator[list[int]]:
    """Pids to end after the test."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


def programs(tmp_path: Path, *names: str) -> WireGuardPrograms:
    tun = tmp_path / "tun"
    tun.touch()
    return WireGuardPrograms(tuple(str(tmp_path / name) for name in names), tun)


async def test_program_is_started_found_and_stopped(
    tmp_path: Path, uapi: UapiSocket, started: list[int]
):
    path = str(a_program(tmp_path))
    mine = programs(tmp_path, "wireguard-go")

    program = await mine.start(uapi)
    started.append(program.pid)
    found = await mine.find(uapi)
    await mine.stop(uapi)

    assert program.path == path
    assert found is not None
    assert (found.pid, found.known) == (program.pid, True)
    assert await mine.find(uapi) is None
    assert not uapi.path.exists()


async def test_program_lives_in_a_session_of_its_own_without_our_files(
    tmp_path: Path, uapi: UapiSocket, started: list[int]
):
    a_program(tmp_path)

    program = await programs(tmp_path, "wireguard-go").start(uapi)
    started.append(program.pid)

    files = [path.readlink() for path in Path(f"/proc/{program.pid}/fd").iterdir()]
    environment = Path(f"/proc/{program.pid}/environ").read_text()
    assert os.getsid(program.pid) == program.pid
    assert {str(file) for file in files if file.is_absolute()} <= {"/dev/null"}
    assert "LOG_LEVEL=silent" in environment
    assert "HOME=" not in environment


async def test_next_program_is_tried_when_one_fails(
    tmp_path: Path, uapi: UapiSocket, started: list[int]
):
    a_program(tmp_path, "boringtun-cli", "#!/bin/sh\nexit 3\n")
    path = str(a_program(tmp_path, "gotatun"))

    program = await programs(tmp_path, "boringtun-cli", "missing", "gotatun").start(
        uapi
    )
    started.append(program.pid)

    assert program.path == path


async def test_last_words_of_a_program_that_ends_are_told(
    tmp_path: Path, uapi: UapiSocket
):
    a_program(tmp_path, "wireguard-go", "#!/bin/sh\necho the tun is gone >&2\nexit 1\n")

    with pytest.raises(DriverError, match="wireguard-go: the tun is gone"):
        await programs(tmp_path, "wireguard-go").start(uapi)


async def test_status_of_a_program_that_ends_without_a_word_is_told(
    tmp_path: Path, uapi: UapiSocket
):
    a_program(tmp_path, "wireguard-go", "#!/bin/sh\nexit 7\n")

    with pytest.raises(DriverError, match="status 7"):
        await programs(tmp_path, "wireguard-go").start(uapi)


async def test_program_without_socket_is_ended(
    tmp_path: Path, uapi: UapiSocket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wireguard_process, "START_TIMEOUT_S", 0.2)
    noted = tmp_path / "pid"
    script = f"#!/bin/sh\necho $$ > {noted}\nexec sleep 100\n"
    a_program(tmp_path, "wireguard-go", script)

    with pytest.raises(DriverError, match="no socket within"):
        await programs(tmp_path, "wireguard-go").start(uapi)

    assert not Path(f"/proc/{int(noted.read_text())}").exists()


async def test_program_that_died_is_not_found_and_leaves_no_zombie(
    tmp_path: Path, uapi: UapiSocket, started: list[int]
):
    a_program(tmp_path)
    mine = programs(tmp_path, "wireguard-go")
    program = await mine.start(uapi)

    os.kill(program.pid, signal.SIGKILL)
    while Path(f"/proc/{program.pid}").exists():
        await mine.find(uapi)
        await asyncio.sleep(0.01)

    assert await mine.find(uapi) is None


async def test_stale_socket_makes_room(
    tmp_path: Path, uapi: UapiSocket, started: list[int]
):
    a_program(tmp_path)
    uapi.path.touch()

    program = await programs(tmp_path, "wireguard-go").start(uapi)
    started.append(program.pid)

    assert await uapi.owner() == program.pid


async def test_program_we_do_not_know_is_found_but_never_stopped(
    tmp_path: Path, uapi: UapiSocket
):
    mine = programs(tmp_path, "wireguard-go")

    async with serving(uapi.path, lambda _: b""):
        found = await mine.find(uapi)
        with pytest.raises(DriverError, match="is not ours"):
            await mine.stop(uapi)

    assert found is not None
    assert (found.pid, found.known) == (os.getpid(), False)


async def test_program_of_another_network_is_refused(
    tmp_path: Path, uapi: UapiSocket, monkeypatch: pytest.MonkeyPatch
):
    networks = iter((1, 2))
    monkeypatch.setattr(wireguard_process, "_network", lambda _: next(networks))

    async with serving(uapi.path, lambda _: b""):
        with pytest.raises(DriverError, match="another network namespace"):
            await programs(tmp_path, "wireguard-go").find(uapi)


def test_no_program_is_one_clear_error(tmp_path: Path):
    with pytest.raises(DriverError, match=r"none of .*gotatun is on PATH; install one"):
        programs(tmp_path, "gotatun").require()


def test_no_tun_is_one_clear_error(tmp_path: Path):
    path = str(a_program(tmp_path))

    with pytest.raises(DriverError, match=r"there is no .*nowhere; load the module"):
        WireGuardPrograms((path,), tmp_path / "nowhere").require()


def test_tun_that_may_not_be_opened_is_one_clear_error(tmp_path: Path):
    path = str(a_program(tmp_path))

    with pytest.raises(DriverError, match="allow that device"):
        WireGuardPrograms((path,), tmp_path).require()


def test_no_privilege_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    status = tmp_path / "status"
    status.write_text("CapEff:\t0000000000000000\n")
    refuse = partial(require_net_admin, status=status)
    monkeypatch.setattr(wireguard_process, "require_net_admin", refuse)

    with pytest.raises(
        DriverError, match=r"start a userspace WireGuard.*CAP_NET_ADMIN"
    ):
        programs(tmp_path, "wireguard-go").require()
