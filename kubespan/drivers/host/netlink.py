"""The one door to rtnetlink: pyroute2, opened briefly, with types and our errors.

A socket is opened for each piece of work (0.8 ms) and closed after it, so that no
failure outlives its cause.
"""

import errno
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Protocol

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkDumpInterrupted, NetlinkError

from kubespan.errors import DriverError

HINT_BY_ERRNO = {
    errno.EPERM: "the daemon needs root or CAP_NET_ADMIN",
    errno.EAFNOSUPPORT: "this kernel was built or started without that protocol",
}


class Message(Protocol):
    """One message of the kernel: a header, and attributes named as in its headers."""

    def __getitem__(self, field: str) -> Any:
        """Return a header field, such as ``index`` or ``family``."""
        ...

    def get_attr(self, name: str) -> Any:
        """Return the first attribute ``name``, such as ``IFA_ADDRESS``, or None."""
        ...


class RouteSocket(Protocol):
    """What we use of rtnetlink.

    ``command`` is ``dump``, ``get``, ``add``, ``set``, ``replace`` or ``del``; a dump
    returns an asynchronous iterator of messages, the others a list of them.
    Strict checking is on: with ``dump_filter=None`` the kernel itself filters a dump by
    what is asked for; without it pyroute2 decodes everything and filters then.
    """

    async def link(self, command: str, **request: Any) -> Any:
        """Speak of links."""
        ...

    async def addr(self, command: str, **request: Any) -> Any:
        """Speak of addresses."""
        ...

    async def route(self, command: str, **request: Any) -> Any:
        """Speak of routes."""
        ...

    async def rule(self, command: str, **request: Any) -> Any:
        """Speak of routing rules; a missing priority would become 32000."""
        ...


OpenSocket = Callable[[], AbstractAsyncContextManager[RouteSocket]]
"""How drivers reach the kernel: :func:`open_route_socket`, or a test's."""


@asynccontextmanager
async def open_route_socket() -> AsyncIterator[RouteSocket]:
    """Open a socket for a few requests, in the network namespace of this thread.

    Raises:
        DriverError: no socket can be had.
    """
    with refusals("open a netlink socket"):
        opened = AsyncIPRoute(ext_ack=True, strict_check=True, groups=0)
    async with opened as socket:
        yield socket


@contextmanager
def refusals(operation: str, ignored: Collection[int] = ()) -> Iterator[None]:
    """Turn what netlink raises inside into a DriverError.

    Args:
        operation: verb and object, such as ``add route default``.
        ignored: errno values that mean it is already as wanted.

    Raises:
        DriverError: with the kernel's own words where it has any.
    """
    try:
        yield
    except NetlinkDumpInterrupted as error:
        reason = "things changed while they were listed"
        raise DriverError(operation, reason, errno.EINTR) from error
    except NetlinkError as error:
        if error.code not in ignored:
            reason = reason_in_words(error.code, str(error.args[1]))
            raise DriverError(operation, reason, error.code) from error
    except OSError as error:
        if error.errno not in ignored:
            reason = reason_in_words(error.errno or 0, str(error.strerror or error))
            raise DriverError(operation, reason, error.errno) from error


def reason_in_words(code: int, kernel_text: str) -> str:
    """Return why in words: the kernel's text, the errno's name and what may help."""
    words = [kernel_text]
    if (known := os.strerror(code)) != kernel_text:
        words.append(f"({known})")
    if code in HINT_BY_ERRNO:
        words.append(f"- {HINT_BY_ERRNO[code]}")
    return " ".join(words)


async def messages(dump: Any) -> list[Message]:
    """Return all messages of a reply, be it a list or an asynchronous iterator.

    A dump is awaited here: ``await messages(socket.link("dump"))``.
    """
    reply = await dump
    if hasattr(reply, "__aiter__"):
        return [message async for message in reply]
    return list(reply)


async def link_index(socket: RouteSocket, name: str) -> int | None:
    """Return a link's number; None if there is no such link."""
    found: list[Message] = []
    with refusals(f"find link {name}", ignored=(errno.ENODEV,)):
        found = await messages(socket.link("get", ifname=name))
    return int(found[0]["index"]) if found else None
