"""WireGuard in a program, by its socket; a connection for each request."""

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from kubespan.errors import DriverError, WireError
from kubespan.model.wireguard import WireGuardChange, WireGuardDevice
from kubespan.wire.wireguard_uapi import (
    ANSWER_MAX_BYTES,
    QUESTION,
    encode_change,
    parse_device,
    parse_errno,
)

SOCKET_DIR: Final = Path("/run/wireguard")
"""Every userspace WireGuard has its sockets there, as ``<link>.sock``."""
CONNECT_TIMEOUT_S: Final = 2.0
REQUEST_TIMEOUT_S: Final = 20.0
"""Setting 1,000 peers takes a quarter of a second."""
_CREDENTIALS: Final = struct.Struct("=iII")


class UapiSocket:
    """The socket of one userspace WireGuard.

    Args:
        link: name of its link.
        directory: where the socket is.
    """

    def __init__(self, link: str, directory: Path = SOCKET_DIR) -> None:
        self.link = link
        self.path = directory / f"{link}.sock"
        # programs may serve connections side by side; a get must not see half a set
        self._lock = asyncio.Lock()

    async def owner(self) -> int | None:
        """Return the pid of the program that listens; None if none does.

        Returns:
            0 for a program in a process namespace we cannot see.

        Raises:
            DriverError: the socket may not be used, or its program hangs.
        """
        try:
            async with self._connected("find the program of") as (_, writer):
                connection: socket.socket = writer.get_extra_info("socket")
                raw = connection.getsockopt(
                    socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
                )
                pid, _, _ = _CREDENTIALS.unpack(raw)
                return int(pid)
        except DriverError as error:
            if error.errno in {errno.ENOENT, errno.ECONNREFUSED}:
                return None
            raise

    async def read_device(self, observed_s: float) -> WireGuardDevice:
        """Return the device.

        Raises:
            DriverError: nobody listens, no answer in time, or one without meaning.
        """
        answer = await self._ask("look at", QUESTION)
        try:
            return parse_device(self.link, answer, observed_s)
        except WireError as error:
            raise self._error("look at", str(error)) from error

    async def change_device(self, change: WireGuardChange) -> None:
        """Change the device in one request; what stood before a refusal stays done.

        Raises:
            DriverError: refused, or nobody listens. With ``EADDRINUSE`` only the port
                is not as it should be.
        """
        if change.listen_port and not _is_free(change.listen_port):
            # being refused a port costs a program the one it has
            await self._ask(
                "configure", encode_change(replace(change, listen_port=None))
            )
            raise self._error("configure", "the port is in use", errno.EADDRINUSE)
        await self._ask("configure", encode_change(change))

    async def _ask(self, verb: str, request: bytes) -> bytes:
        async with self._lock, self._connected(verb) as (reader, writer):
            writer.write(request)
            answer = await reader.readuntil(b"\n\n")
        try:
            code = parse_errno(answer)
        except WireError as error:
            raise self._error(verb, str(error)) from error
        if code:
            raise self._error(verb, f"the program refuses: {os.strerror(code)}", code)
        return answer

    @contextlib.asynccontextmanager
    async def _connected(
        self, verb: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect for one exchange; failures in it become DriverErrors."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(
                    self.path, limit=ANSWER_MAX_BYTES
                )
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    yield reader, writer
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        except TimeoutError as error:
            reason = f"the program behind {self.path} does not answer"
            raise self._error(verb, reason, errno.ETIMEDOUT) from error
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            reason = f"the program behind {self.path} breaks off: {error}"
            raise self._error(verb, reason, errno.EPROTO) from error
        except OSError as error:
            reason = f"{self.path}: {error.strerror or error}"
            raise self._error(verb, reason, error.errno) from error

    def _error(self, verb: str, reason: str, code: int | None = None) -> DriverError:
        return DriverError(f"{verb} WireGuard {self.link}", reason, code)


def _is_free(port: int) -> bool:
    """Tell whether a UDP port can be had in every protocol this host has."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(("", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
    return True
