"""Kernel switches below ``/proc/sys``, and a record of those we set.

The record lets ``kubespan down`` leave the host as it was. It holds for one boot, since
a reboot undoes what it remembers.

Source:
    kubespan.md section 4.11.
"""

import asyncio
import errno
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kubespan.drivers.atomic_file import read_file, replace_file
from kubespan.drivers.host.failures import Failures
from kubespan.engine.edges import Publisher
from kubespan.errors import DriverError, StateError
from kubespan.model.constants import LINK_NAME
from kubespan.model.sysctl import (
    SysctlChange,
    SysctlPlan,
    SysctlState,
    SysctlValue,
)

PROC_SYS: Final = Path("/proc/sys")
BOOT_ID: Final = "kernel/random/boot_id"
OUR_LINK: Final = f"net/ipv4/conf/{LINK_NAME}/"
"""Switches that go with our link: nothing to remember, so no full disk in the way."""
LOOK_EVERY_S: Final = 30.0
RECORD_MAX_BYTES: Final = 64 * 1024
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", re.ASCII)
NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR)


class Sysctls:
    """Some switches, by name.

    Args:
        names: those to look at: paths below ``/proc/sys`` with slashes.
        record: file that remembers what we changed.
        root: where the switches are.

    Raises:
        ValueError: a name is no plain relative path.
    """

    def __init__(
        self, names: tuple[str, ...], record: Path, root: Path = PROC_SYS
    ) -> None:
        for name in names:
            _require_plain(name)
        self._names = names
        self._record = record
        self._root = root
        self._wake = asyncio.Event()

    def hint(self) -> None:
        """Look again now, such as when a link has appeared."""
        self._wake.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish every value that exists, for ever; a ``Source``."""
        while True:
            values = (await self.observe()).values.items()
            publisher.replace(SysctlValue, [SysctlValue(*item) for item in values])
            self._wake.clear()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def observe(self) -> SysctlState:
        """Return the switches there are, and what we changed since the host started.

        Raises:
            DriverError: a switch or our record cannot be read.
        """
        changed = self._read_record()
        found = {name: self._read(name) for name in {*self._names, *changed}}
        values = {name: value for name, value in found.items() if value is not None}
        return SysctlState(values, changed)

    async def apply(self, plan: SysctlPlan) -> None:
        """Set and put back; a value somebody else has set since is not put back.

        Raises:
            DriverError: the host refused some; the others are done.
        """
        failures = Failures("set kernel switches")
        for name, value in plan.write.items():
            with failures.kept():
                self._set(name, value)
        for name in plan.restore:
            with failures.kept():
                self._restore(name)
        failures.raise_if_any()

    async def restore(self) -> None:
        """Put back everything we ever set since the host started."""
        await self.apply(SysctlPlan({}, tuple(sorted(self._read_record()))))

    def _set(self, name: str, value: str) -> None:
        current = self._read(name)
        if current is None or current == value:
            return
        if not name.startswith(OUR_LINK):
            # remembered first: a crash between the two must not lose the original
            changed = self._read_record()
            original = changed[name].original if name in changed else current
            self._write_record(changed | {name: SysctlChange(original, value)})
        self._write(name, value)

    def _restore(self, name: str) -> None:
        changed = self._read_record()
        change = changed.pop(name, None)
        if change is None:
            return
        if self._read(name) == change.ours:
            self._write(name, change.original)
        self._write_record(changed)

    def _read(self, name: str) -> str | None:
        try:
            return " ".join((self._root / name).read_text("ascii").split())
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise _refused(f"read {name}", error) from error

    def _write(self, name: str, value: str) -> None:
        _require_plain(name)
        operation = f"set {name} to {value}"
        try:
            # no O_CREAT: what is no switch must not become a file
            descriptor = os.open(self._root / name, os.O_WRONLY | os.O_CLOEXEC)
            with os.fdopen(descriptor, "w") as switch:
                switch.write(f"{value}\n")
        except OSError as error:
            raise _refused(operation, error) from error

    def _read_record(self) -> dict[str, SysctlChange]:
        """Return what we changed since the host started.

        Raises:
            DriverError: the record is there and means nothing; it is left as it is.
        """
        operation = f"read {self._record}"
        try:
            text = read_file(self._record, RECORD_MAX_BYTES)
            if text is None:
                return {}
            boot_id, changed = _changes_from_json(text)
        except StateError as error:
            raise DriverError(operation, str(error)) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"not a record of ours ({error}): repair or remove it"
            raise DriverError(operation, reason) from error
        return changed if boot_id == self._read(BOOT_ID) else {}

    def _write_record(self, changed: Mapping[str, SysctlChange]) -> None:
        document = {
            "boot": self._read(BOOT_ID),
            "changed": {
                name: [change.original, change.ours] for name, change in changed.items()
            },
        }
        try:
            replace_file(self._record, f"{json.dumps(document, indent=1)}\n".encode())
        except StateError as error:
            raise DriverError(f"write {self._record}", str(error)) from error


def _changes_from_json(text: bytes) -> tuple[str | None, dict[str, SysctlChange]]:
    document = json.loads(text)
    changed = {}
    for name, (original, ours) in document["changed"].items():
        _require_plain(name)
        changed[name] = SysctlChange(str(original), str(ours))
    return document["boot"], changed


def _require_plain(name: str) -> None:
    if not PLAIN_NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"{name!r} is no name of a kernel switch")


def _refused(operation: str, error: OSError) -> DriverError:
    reason = error.strerror or str(error)
    if error.errno == errno.EROFS:
        reason += " (a container?): set it on the host"
    elif error.errno in (errno.EACCES, errno.EPERM):
        reason += ": the daemon needs root"
    return DriverError(operation, reason, error.errno)
