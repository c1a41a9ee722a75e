"""Our table of the packet filter, replaced whole by the program ``nft``.

Every transaction of anybody raises the kernel's generation by one. What we applied is
known to be intact while the generation stands still, or while a listing with handles
reads as it did right after our own transaction::

    generation n ── our nft ── n+1 ── listing ── n+1      the listing is ours alone

The table's name may change: the new one is made before the old one goes, so that
packets are marked all the time.

Source:
    kubespan.md section 4.9.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kubespan.drivers.host.failures import Failures
from kubespan.drivers.host.netlink import refusals
from kubespan.drivers.host.netlink_monitor import NETLINK_NETFILTER
from kubespan.drivers.host.nftables_record import PLAIN_NAME, TableRecord
from kubespan.errors import DriverError
from kubespan.model.diff import Diff
from kubespan.model.firewall import FirewallSpec

PLACES: Final = os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin")
)
TIMEOUT_S: Final = 30.0
GETGEN: Final = struct.Struct("=IHHIIBBH")
GETGEN_TYPE: Final = (10 << 8) | 16
"""NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN."""
NLM_F_REQUEST: Final = 1
GENERATION_OFFSET: Final = GETGEN.size + 4
NLMSG_ERROR: Final = 2
ANSWER_S: Final = 1.0
NO_NFTABLES: Final = (errno.EPROTONOSUPPORT, errno.EINVAL, errno.EOPNOTSUPP)
NOT_THERE: Final = "No such file or directory"
ERROR_TEXT_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Applied:
    """What we made so, and how the kernel showed it at once after.

    Attributes:
        generation: at which it was last seen intact.
        listing: digest of the table's listing, handles included.
    """

    spec: FirewallSpec
    generation: int
    listing: bytes


class Nftables:
    """Our own table of family ``inet``; no other is ever touched.

    Ours is what bears the present name, and what we made under a former one.

    Args:
        table: the name to look for until a spec gives one.
        render: from a spec to the script that makes it so in one transaction.
        record: file that remembers the names of the tables we made.
        program: name or path of ``nft``.
    """

    def __init__(
        self,
        table: str,
        render: Callable[[FirewallSpec], str],
        record: Path,
        program: str = "nft",
    ) -> None:
        self._table = _checked_name(table)
        self._render = render
        self._record = TableRecord(record)
        self._program = program
        self._made: set[str] | None = None
        self._applied: dict[str, Applied] = {}

    @property
    def tables(self) -> frozenset[str]:
        """Names of what is ours, whether it is there or not."""
        return frozenset({self._table, *self._made_tables()})

    async def observe(self) -> dict[str, FirewallSpec]:
        """Return our tables by name; usually one, none if there is none.

        A table that is not exactly as we last made it, rule by rule, is returned as a
        spec that is never desired: with an MSS of 0.
        """
        generation = self._generation()
        seen = {
            name: await self._seen(name, generation) for name in sorted(self.tables)
        }
        return {name: spec for name, spec in seen.items() if spec is not None}

    async def apply(self, changes: Diff[str, FirewallSpec]) -> None:
        """Replace our table, then remove those of other names.

        Raises:
            DriverError: there is no ``nft``, or it refused; then nothing has changed.
                Or the disk refused; then only the record is not as it should be.
        """
        failures = Failures("change the firewall table")
        new = (*changes.create.values(), *changes.update.values())
        if new:
            # remembered first: a crash after it must not leave a table behind
            with failures.kept():
                self._record.save(self._made_tables() | {spec.table for spec in new})
        for spec in new:
            await self._replace(spec)
        for name in changes.delete:
            await self.delete(name)
        if changes.delete:
            with failures.kept():
                self._record.save(self._made_tables())
        failures.raise_if_any()

    async def delete(self, name: str) -> None:
        """Remove a table of ours, if it is there."""
        self._applied.pop(name, None)
        script = f"add table inet {name}\ndelete table inet {name}\n"
        await self._run(f"remove firewall table {name}", script, "-f", "-")
        self._made_tables().discard(name)

    async def _seen(self, name: str, generation: int) -> FirewallSpec | None:
        """Return how a table of ours stands; None if it is not there."""
        applied = self._applied.get(name)
        if applied is not None and applied.generation == generation:
            return applied.spec
        listing = await self._listing(name)
        if listing is None:
            self._applied.pop(name, None)
            if name != self._table:
                # whoever makes one of that name now, it is not us
                self._made_tables().discard(name)
            return None
        if applied is not None and applied.listing == listing:
            # others changed tables of their own
            self._applied[name] = replace(applied, generation=generation)
            return applied.spec
        return FirewallSpec(name, (), 0, 0)

    async def _replace(self, spec: FirewallSpec) -> None:
        name = self._table = _checked_name(spec.table)
        self._applied.pop(name, None)
        self._made_tables().add(name)
        before = self._generation()
        operation = f"replace firewall table {name}"
        # 10,000 prefixes take 25 ms to print
        script = await asyncio.to_thread(self._render, spec)
        await self._run(operation, script, "-f", "-")
        after = self._generation()
        listing = await self._listing(name)
        alone = after == before + 1 and self._generation() == after
        if alone and listing is not None:
            self._applied[name] = Applied(spec, after, listing)

    def _made_tables(self) -> set[str]:
        if self._made is None:
            self._made = set(self._record.load())
        return self._made

    async def _listing(self, name: str) -> bytes | None:
        """Return a digest of a table with its handles; None if there is no table."""
        operation = f"list firewall table {name}"
        command = ("-n", "-a", "list", "table", "inet", name)
        try:
            listed = await self._run(operation, "", *command)
        except DriverError as error:
            if NOT_THERE in error.reason:
                return None
            raise
        return hashlib.sha256(listed).digest()

    async def _run(self, operation: str, script: str, *arguments: str) -> bytes:
        """Run ``nft``; its exit status says whether all of it was done.

        Raises:
            DriverError: with what it said.
        """
        program = shutil.which(self._program, path=PLACES)
        if program is None:
            reason = f"no program {self._program}: install the package nftables"
            raise DriverError(operation, reason, errno.ENOENT)
        with refusals(operation):
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"LC_ALL": "C", "PATH": PLACES},
                process_group=0,
            )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                out, said = await process.communicate(script.encode())
        except TimeoutError as error:
            raise DriverError(operation, f"nft took over {TIMEOUT_S:.0f} s") from error
        finally:
            if process.returncode is None:
                # a wrapper's children hold our pipes open
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            raise DriverError(operation, _first_complaint(said))
        return out

    def _generation(self) -> int:
        """Return the number of the ruleset's last transaction; 30 microseconds.

        Raises:
            DriverError: the kernel has no nftables, or does not let us speak to it.
        """
        try:
            with refusals("ask for the firewall's generation"):
                return _ask_generation()
        except DriverError as error:
            if error.errno not in NO_NFTABLES:
                raise
            reason = "this kernel has no nftables: load or build module nf_tables"
            raise DriverError(error.operation, reason, error.errno) from error


def _ask_generation() -> int:
    request = GETGEN.pack(GETGEN.size, GETGEN_TYPE, NLM_F_REQUEST, 0, 0, 0, 0, 0)
    asked = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    with asked:
        asked.settimeout(ANSWER_S)
        asked.bind((0, 0))
        asked.send(request)
        answer = asked.recv(8192)
    _raise_refusal(answer)
    return int.from_bytes(answer[GENERATION_OFFSET : GENERATION_OFFSET + 4], "big")


def _raise_refusal(answer: bytes) -> None:
    """Raise what the kernel answered in place of a message.

    Raises:
        OSError: it answered with an errno.
    """
    (kind,) = struct.unpack_from("=H", answer, 4)
    if kind == NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, 16)
        raise OSError(-code, os.strerror(-code))


def _checked_name(table: str) -> str:
    if not PLAIN_NAME.fullmatch(table):
        raise ValueError(f"table name {table!r} is not a plain identifier")
    return table


def _first_complaint(said: bytes) -> str:
    """Return the first line ``nft`` wrote, which says where and what."""
    lines = said.decode(errors="replace").splitlines() or ["nft failed in silence"]
    return lines[0][:ERROR_TEXT_MAX]
