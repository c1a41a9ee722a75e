"""The service stopped and started again on the same files, as clients see it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from discovery.api import cluster_pb2 as pb
from discovery.drivers.snapshot_file import SnapshotFiles
from tests.discovery.records import EXAMPLE, parsed
from tests.discovery.running import (
    AWatch,
    a_client,
    a_service,
    a_service_and_client,
    an_update,
    listed,
)
from tests.discovery.service_program import a_program, address_of

TTL_NS = 600 * 10**9
MODES = [pytest.param(600.0, id="snapshots"), pytest.param(0.0, id="write-through")]


# checklist 68
@pytest.mark.parametrize("interval_s", MODES)
async def test_first_answer_after_a_restart_has_everything(
    tmp_path: Path, interval_s: float
) -> None:
    kept = {
        "snapshots_enabled": True,
        "snapshot_path": tmp_path / "state.binpb",
        "snapshot_interval_s": interval_s,
    }
    async with a_service_and_client(**kept) as client:
        for number in range(20):
            update = an_update(f"af{number}", b"e", affiliate_data=b"d", ttl_ns=TTL_NS)
            await client.AffiliateUpdate(update)
        before = await listed(client)
    async with a_service_and_client(**kept) as client:
        first = await listed(client)
        snapshot = await AWatch(client).next()

    assert first == before
    assert {affiliate.id for affiliate in snapshot.affiliates} == set(before)


# checklist 62, 66
async def test_file_of_the_official_service_is_served(tmp_path: Path) -> None:
    path = tmp_path / "state.binpb"
    path.write_bytes(EXAMPLE + b"\x0a")  # and it was cut short

    async with a_service(snapshots_enabled=True, snapshot_path=path) as address:
        async with a_client(address) as client:
            found = await listed(client, "r")
        asides = list(tmp_path.glob("state.binpb.corrupt-*"))

    assert found["A"].data == b"d"
    assert [aside.read_bytes() for aside in asides] == [EXAMPLE + b"\x0a"]
    assert parsed(path).clusters[0].affiliates[0].id == "A"


# discovery.md 3.2: a final snapshot is written and the exit status is 0
async def test_program_saves_at_sigterm_and_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "made" / "state.binpb"
    async with a_kept_program(path) as program:
        async with a_client(await address_of(program)) as client:
            update = an_update(affiliate_data=b"d", ttl_ns=TTL_NS)
            await client.AffiliateUpdate(update)
        program.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(program.wait(), 20)

    assert status == 0
    assert parsed(path).clusters[0].affiliates[0].id == "af1"


# discovery.md 4.2: a failing final save makes the process exit with an error
async def test_program_says_so_when_it_cannot_save_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "made" / "state.binpb"
    async with a_kept_program(path) as program:
        await address_of(program)
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
        path.parent.touch()
        program.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(program.communicate(), 20)

    assert program.returncode == 1
    assert b"the last snapshot was not saved" in said


@pytest.mark.netns
async def test_full_disk_is_told_and_mended_while_clients_are_served(
    tmp_path: Path,
) -> None:
    """On a file system of 256 KiB, in a mount namespace of its own."""
    path = tmp_path / "disk" / "state.binpb"
    path.parent.mkdir()
    async with a_program_on_a_small_disk(path) as program:
        inside = f"/proc/{program.pid}/root{path.parent}"
        async with a_client(await address_of(program)) as client:
            lines = _lines(program)
            await client.AffiliateUpdate(a_lasting_update("before"))
            filler = Path(inside) / "filler"
            with pytest.raises(OSError, match="No space left"):
                filler.write_bytes(bytes(1024 * 1024))
            for number in range(400):
                data = b"%04d" % number + bytes(2000)
                await client.AffiliateUpdate(a_lasting_update("af", data))
            told = await _line_with(lines, b"No space left")
            filler.unlink()
            mended = await _line_with(lines, b"to disk again")
            await client.AffiliateUpdate(a_lasting_update("after"))
            left = await _copy(Path(inside), tmp_path / "copy")
        program.kill()
        await program.wait()
    kept = {"snapshots_enabled": True, "snapshot_path": left / path.name}
    async with a_service_and_client(**kept) as client:
        found = await listed(client)

    assert b"level=error" in told
    assert b"level=info" in mended
    assert set(found) == {"before", "af", "after"}
    assert found["af"].data.startswith(b"0399")


@asynccontextmanager
async def a_kept_program(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    flags = ("--snapshots-enabled=true", f"--snapshot-path={path}")
    async with a_program("--addr=127.0.0.1:0", *flags) as program:
        yield program


@asynccontextmanager
async def a_program_on_a_small_disk(
    path: Path,
) -> AsyncIterator[asyncio.subprocess.Process]:
    flags = (
        "--addr=127.0.0.1:0 --landing-addr= --metrics-addr= --rate-limit=0 "
        f"--snapshot-interval=0 --snapshot-path={path}"
    )
    program = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "sh", "-ec"),
        f"mount -t tmpfs -o size=256k none {path.parent}; "
        f"exec {sys.executable} -m discovery {flags}",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


def a_lasting_update(name: str, data: bytes = b"d") -> pb.AffiliateUpdateRequest:
    return an_update(name, affiliate_data=data, ttl_ns=TTL_NS)


async def _lines(program: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    assert program.stderr is not None
    async for line in program.stderr:
        yield line


async def _line_with(lines: AsyncIterator[bytes], text: bytes) -> bytes:
    async with asyncio.timeout(20):
        async for line in lines:
            if text in line:
                return line
    raise AssertionError(text)


async def _copy(folder: Path, to: Path) -> Path:
    """What a crash would leave; the lock is not part of it."""
    copied = await asyncio.to_thread(
        subprocess.run, ["cp", "-a", f"{folder}/.", str(to)], check=True
    )
    assert copied.returncode == 0
    assert SnapshotFiles(to / "state.binpb").exist()
    return to
